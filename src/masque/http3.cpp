#include "masque/http3.h"

#include <nghttp3/nghttp3.h>

#include <algorithm>
#include <utility>

namespace mpquic::masque {
namespace {

constexpr std::size_t header_table = 4096;    // RFC 9204, 3.2.3
constexpr std::size_t blocked_requests = 16;  // RFC 9204, 2.1.2
constexpr std::size_t most_header_bytes = 16 << 10;

std::string text(nghttp3_rcbuf* buffer) {
  const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

std::vector<nghttp3_nv> fields(std::span<const Header> headers) {
  std::vector<nghttp3_nv> result;
  for (const Header& header : headers) {
    nghttp3_nv field{};
    field.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(header.name.data()));
    field.namelen = header.name.size();
    field.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(header.value.data()));
    field.valuelen = header.value.size();
    // RFC 9204, 7.1.3: a secret has no place in a table whose size shows.
    if (header.name == "authorization" || header.name == session_field) field.flags = NGHTTP3_NV_FLAG_NEVER_INDEX;
    result.push_back(field);
  }
  return result;
}

}  // namespace

struct Http3Callbacks {
  static Http3& self(void* user_data) { return *static_cast<Http3*>(user_data); }

  static int acknowledged(nghttp3_conn*, StreamId stream, std::uint64_t size, void* user_data, void*) {
    const auto request = self(user_data).requests_.find(stream);
    if (request == self(user_data).requests_.end()) return 0;
    Http3::Content& content = request->second.content;
    content.bytes -= size;
    content.acknowledged += size;
    while (!content.chunks.empty() && content.acknowledged >= content.chunks.front().size()) {
      content.acknowledged -= content.chunks.front().size();
      content.chunks.pop_front();
      --content.taken;
    }
    return 0;
  }

  static nghttp3_ssize content(nghttp3_conn*, StreamId stream, nghttp3_vec* pieces, std::size_t count,
                               std::uint32_t* flags, void* user_data, void*) {
    Http3::Content& content = self(user_data).requests_[stream].content;
    std::size_t given = 0;
    for (; given < count && content.taken < content.chunks.size(); ++given, ++content.taken) {
      auto& chunk = content.chunks[content.taken];
      pieces[given] = {chunk.data(), chunk.size()};
    }
    const bool all = content.taken == content.chunks.size();
    if (all && content.ended) *flags |= NGHTTP3_DATA_FLAG_EOF;
    return given == 0 && !content.ended ? NGHTTP3_ERR_WOULDBLOCK : static_cast<nghttp3_ssize>(given);
  }

  static int data(nghttp3_conn*, StreamId stream, const std::uint8_t* bytes, std::size_t size, void* user_data, void*) {
    self(user_data).connection_.consumed(stream, size);
    self(user_data).owner_.on_content(stream, {bytes, size});
    return 0;
  }

  static int consumed_late(nghttp3_conn*, StreamId stream, std::size_t size, void* user_data, void*) {
    self(user_data).connection_.consumed(stream, size);
    return 0;
  }

  static int begin_headers(nghttp3_conn*, StreamId stream, void* user_data, void*) {
    Http3::Request& request = self(user_data).requests_[stream];
    request.headers.clear();
    request.header_bytes = 0;
    return 0;
  }

  static int header(nghttp3_conn*, StreamId stream, std::int32_t, nghttp3_rcbuf* name, nghttp3_rcbuf* value,
                    std::uint8_t, void* user_data, void*) {
    constexpr std::size_t overhead = 32;  // RFC 9114, 4.2.2
    Http3::Request& request = self(user_data).requests_[stream];
    // One byte may stand for thousands (RFC 9204, 7.3): too many are not even copied.
    if (request.header_bytes > most_header_bytes) return 0;
    request.header_bytes += nghttp3_rcbuf_get_buf(name).len + nghttp3_rcbuf_get_buf(value).len + overhead;
    if (request.header_bytes > most_header_bytes) {
      self(user_data).abort(stream, NGHTTP3_H3_EXCESSIVE_LOAD);
      self(user_data).owner_.on_broken(stream);
      return 0;
    }
    request.headers.push_back({text(name), text(value)});
    return 0;
  }

  static int end_headers(nghttp3_conn*, StreamId stream, int, void* user_data, void*) {
    Http3& http = self(user_data);
    Http3::Request& request = http.requests_[stream];
    const std::vector<Header> headers = std::exchange(request.headers, {});
    if (request.header_bytes <= most_header_bytes) http.owner_.on_headers(stream, headers);
    return 0;
  }

  static int end_stream(nghttp3_conn*, StreamId stream, void* user_data, void*) {
    self(user_data).owner_.on_content_end(stream);
    return 0;
  }

  static int stop_sending(nghttp3_conn*, StreamId stream, std::uint64_t code, void* user_data, void*) {
    self(user_data).connection_.stop_sending(stream, code);
    return 0;
  }

  // What nghttp3 wants reset is a malformed message.
  static int reset(nghttp3_conn*, StreamId stream, std::uint64_t code, void* user_data, void*) {
    self(user_data).connection_.reset_stream(stream, code);
    self(user_data).owner_.on_broken(stream);
    return 0;
  }

  static int closed(nghttp3_conn*, StreamId stream, std::uint64_t, void* user_data, void*) {
    Http3& http = self(user_data);
    http.requests_.erase(stream);
    http.owner_.on_request_closed(stream);
    return 0;
  }

  static int settings(nghttp3_conn*, const nghttp3_settings* settings, void* user_data) {
    Http3& http = self(user_data);
    http.owner_.on_settings({http.settings_reader_.extended_connect(), settings->h3_datagram != 0});
    return 0;
  }

  static nghttp3_callbacks all() {
    nghttp3_callbacks callbacks{};
    callbacks.acked_stream_data = acknowledged;
    callbacks.stream_close = closed;
    callbacks.recv_data = data;
    callbacks.deferred_consume = consumed_late;
    callbacks.begin_headers = begin_headers;
    callbacks.recv_header = header;
    callbacks.end_headers = end_headers;
    callbacks.stop_sending = stop_sending;
    callbacks.end_stream = end_stream;
    callbacks.reset_stream = reset;
    callbacks.recv_settings = settings;
    return callbacks;
  }
};

Http3::Http3(Role role, quic::Connection& connection, Http3Owner& owner)
    : role_(role), connection_(connection), owner_(owner) {}

Http3::~Http3() { connection_.set_streams(nullptr); }

std::unique_ptr<Http3> Http3::begin(Role role, quic::Connection& connection, Http3Owner& owner) {
  std::unique_ptr<Http3> http(new Http3(role, connection, owner));
  static const nghttp3_callbacks callbacks = Http3Callbacks::all();
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.max_field_section_size = most_header_bytes;
  settings.qpack_max_dtable_capacity = header_table;
  settings.qpack_blocked_streams = blocked_requests;
  settings.enable_connect_protocol = role == Role::server ? 1 : 0;
  settings.h3_datagram = 1;
  nghttp3_conn* handle = nullptr;
  const auto create = role == Role::client ? nghttp3_conn_client_new_versioned : nghttp3_conn_server_new_versioned;
  if (create(&handle, NGHTTP3_CALLBACKS_VERSION, &callbacks, NGHTTP3_SETTINGS_VERSION, &settings, nullptr,
             http.get()) != 0) {
    connection.close(NGHTTP3_H3_INTERNAL_ERROR, "out of memory");
    return nullptr;
  }
  http->handle_.reset(handle);
  if (!http->open_own_streams()) {
    connection.close(NGHTTP3_H3_STREAM_CREATION_ERROR, "the other end lets us open too few streams for HTTP/3");
    return nullptr;
  }
  connection.set_streams(http.get());
  return http;
}

bool Http3::open_own_streams() {
  const auto control = connection_.open_one_way_stream();
  const auto encoder = connection_.open_one_way_stream();
  const auto decoder = connection_.open_one_way_stream();
  return control && encoder && decoder && nghttp3_conn_bind_control_stream(handle_.get(), *control) == 0 &&
         nghttp3_conn_bind_qpack_streams(handle_.get(), *encoder, *decoder) == 0;
}

void Http3::check(std::int64_t result) {
  if (result >= 0 || broken_) return;
  broken_ = true;
  const int error = static_cast<int>(result);
  connection_.close(nghttp3_err_infer_quic_app_error_code(error), std::string("HTTP/3: ") + nghttp3_strerror(error));
}

std::optional<StreamId> Http3::request(std::span<const Header> headers) {
  may_have_data_ = true;
  if (broken_) return std::nullopt;
  const auto stream = connection_.open_stream();
  if (!stream) return std::nullopt;
  requests_[*stream];
  const auto all = fields(headers);
  const nghttp3_data_reader reader{Http3Callbacks::content};
  check(nghttp3_conn_submit_request(handle_.get(), *stream, all.data(), all.size(), &reader, nullptr));
  return stream;
}

void Http3::respond(StreamId request, std::span<const Header> headers, bool end) {
  may_have_data_ = true;
  if (broken_) return;
  const auto all = fields(headers);
  const nghttp3_data_reader reader{Http3Callbacks::content};
  check(nghttp3_conn_submit_response(handle_.get(), request, all.data(), all.size(), end ? nullptr : &reader));
}

void Http3::send(StreamId request, std::vector<std::uint8_t> content) {
  may_have_data_ = true;
  const auto found = requests_.find(request);
  if (broken_ || found == requests_.end() || content.empty() || found->second.content.ended) return;
  found->second.content.bytes += content.size();
  found->second.content.chunks.push_back(std::move(content));
  check(nghttp3_conn_resume_stream(handle_.get(), request));
}

std::size_t Http3::unacknowledged(StreamId request) const {
  const auto found = requests_.find(request);
  return found == requests_.end() ? 0 : found->second.content.bytes;
}

void Http3::finish(StreamId request) {
  may_have_data_ = true;
  const auto found = requests_.find(request);
  if (broken_ || found == requests_.end()) return;
  found->second.content.ended = true;
  check(nghttp3_conn_resume_stream(handle_.get(), request));
}

void Http3::abort(StreamId request, std::uint64_t code) {
  may_have_data_ = true;
  if (broken_) return;
  nghttp3_conn_shutdown_stream_write(handle_.get(), request);
  connection_.reset_stream(request, code);
  check(nghttp3_conn_shutdown_stream_read(handle_.get(), request));
  connection_.stop_sending(request, code);
}

void Http3::on_stream_data(StreamId stream, Bytes data, bool end) {
  may_have_data_ = true;
  if (broken_) return;
  constexpr StreamId one_way_bit = 2;  // RFC 9000, 2.1
  if (role_ == Role::client && (stream & one_way_bit) != 0) settings_reader_.read(stream, data);
  const nghttp3_ssize consumed = nghttp3_conn_read_stream(handle_.get(), stream, data.data(), data.size(), end ? 1 : 0);
  check(consumed);
  if (consumed > 0) connection_.consumed(stream, static_cast<std::size_t>(consumed));
}

void Http3::on_stream_acknowledged(StreamId stream, std::size_t bytes) {
  may_have_data_ = true;
  if (!broken_) check(nghttp3_conn_add_ack_offset(handle_.get(), stream, bytes));
}

void Http3::on_stream_reset(StreamId stream) {
  may_have_data_ = true;
  if (broken_) return;
  check(nghttp3_conn_shutdown_stream_read(handle_.get(), stream));
  if (!requests_.contains(stream)) return;
  nghttp3_conn_shutdown_stream_write(handle_.get(), stream);
  connection_.reset_stream(stream, NGHTTP3_H3_REQUEST_CANCELLED);
  owner_.on_broken(stream);
}

void Http3::on_stream_closed(StreamId stream, std::uint64_t error) {
  may_have_data_ = true;
  if (broken_) return;
  const int result = nghttp3_conn_close_stream(handle_.get(), stream, error);
  // One that never said what it was, nghttp3 does not know.
  if (result != NGHTTP3_ERR_STREAM_NOT_FOUND) check(result);
  if (broken_ || !requests_.contains(stream)) return;
  // nghttp3 keeps it until what its headers refer to has come, and would read them then. It does not bear an answer:
  // the stream goes at once, and is left in the list of those that have something to send.
  check(nghttp3_conn_shutdown_stream_read(handle_.get(), stream));
  owner_.on_broken(stream);
}

quic::StreamData Http3::next_data() {
  quic::StreamData next;
  if (broken_ || !may_have_data_) return next;
  std::array<nghttp3_vec, quic::StreamData::most_pieces> pieces;
  int end = 0;
  const nghttp3_ssize count =
      nghttp3_conn_writev_stream(handle_.get(), &next.stream, &end, pieces.data(), pieces.size());
  check(count);
  if (count < 0) return {};
  may_have_data_ = next.stream >= 0;
  next.piece_count = static_cast<std::size_t>(count);
  std::ranges::transform(std::span(pieces).first(next.piece_count), next.pieces.begin(),
                         [](const nghttp3_vec& piece) { return Bytes(piece.base, piece.len); });
  next.end = end != 0;
  return next;
}

void Http3::on_stream_sent(StreamId stream, std::size_t bytes) {
  if (!broken_) check(nghttp3_conn_add_write_offset(handle_.get(), stream, bytes));
}

void Http3::on_stream_blocked(StreamId stream) {
  if (!broken_) nghttp3_conn_block_stream(handle_.get(), stream);
}

void Http3::on_stream_unblocked(StreamId stream) {
  may_have_data_ = true;
  if (!broken_) check(nghttp3_conn_unblock_stream(handle_.get(), stream));
}

void Http3::on_stream_unwritable(StreamId stream) {
  may_have_data_ = true;
  if (broken_) return;
  nghttp3_conn_shutdown_stream_write(handle_.get(), stream);
  if (!requests_.contains(stream)) return;
  check(nghttp3_conn_shutdown_stream_read(handle_.get(), stream));
  connection_.stop_sending(stream, NGHTTP3_H3_REQUEST_CANCELLED);
  owner_.on_broken(stream);
}

}  // namespace mpquic::masque
