#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/handle.h"
#include "masque/request.h"
#include "masque/settings_reader.h"
#include "quic/connection.h"
#include "quic/streams.h"

struct nghttp3_conn;
extern "C" void nghttp3_conn_del(nghttp3_conn*);

namespace mpquic::masque {

using quic::StreamId;

/// What the other end's SETTINGS say (RFC 9114, 7.2.4).
struct PeerSettings {
  bool extended_connect = false;  ///< RFC 9220, 3; only a server says it
  bool datagrams = false;         ///< RFC 9297, 2.1.1
};

/// What HTTP/3 tells whoever uses it, of requests. Called from within the connection's receive().
class Http3Owner {
 public:
  virtual void on_settings(const PeerSettings& settings) = 0;
  /// Of a request at the server, of a response (interim ones too) at the client.
  virtual void on_headers(StreamId request, const std::vector<Header>& headers) = 0;
  /// Valid during the call.
  virtual void on_content(StreamId request, Bytes content) = 0;
  /// The other end has sent everything.
  virtual void on_content_end(StreamId request) = 0;
  /// The other end has broken the request off, or its message is malformed.
  virtual void on_broken(StreamId request) = 0;
  /// Nothing more is known of the request.
  virtual void on_request_closed(StreamId request) = 0;

 protected:
  ~Http3Owner() = default;
};

/// HTTP/3 (RFC 9114) over a connection's streams. Errors of the protocol close the connection with their code.
class Http3 final : public quic::StreamProtocol {
 public:
  enum class Role : std::uint8_t { client, server };

  /// In ConnectionOwner::on_keys(). Opens the control and QPACK streams, and becomes the connection's protocol. Both
  /// references outlive it. nullptr: the other end does not let us open them; the connection is closed.
  static std::unique_ptr<Http3> begin(Role role, quic::Connection& connection, Http3Owner& owner);
  ~Http3();
  Http3(const Http3&) = delete;
  Http3& operator=(const Http3&) = delete;

  /// Client: the stream of a new request, whose content is still to come. nullopt: no stream can be opened.
  std::optional<StreamId> request(std::span<const Header> headers);
  /// Server. `end`: there is no content.
  void respond(StreamId request, std::span<const Header> headers, bool end);
  void send(StreamId request, std::vector<std::uint8_t> content);
  /// Sent and not acknowledged, or not sent yet.
  std::size_t unacknowledged(StreamId request) const;
  /// Nothing more is sent.
  void finish(StreamId request);
  /// Both directions end at once, with an HTTP/3 error code.
  void abort(StreamId request, std::uint64_t code);

  void on_stream_data(StreamId stream, Bytes data, bool end) override;
  void on_stream_acknowledged(StreamId stream, std::size_t bytes) override;
  void on_stream_reset(StreamId stream) override;
  void on_stream_closed(StreamId stream, std::uint64_t error) override;
  quic::StreamData next_data() override;
  void on_stream_sent(StreamId stream, std::size_t bytes) override;
  void on_stream_blocked(StreamId stream) override;
  void on_stream_unblocked(StreamId stream) override;
  void on_stream_unwritable(StreamId stream) override;

 private:
  friend struct Http3Callbacks;

  /// What a request's stream is to carry. nghttp3 points into the chunks until they are acknowledged.
  struct Content {
    std::deque<std::vector<std::uint8_t>> chunks;
    std::size_t taken = 0;         ///< chunks that nghttp3 has
    std::size_t acknowledged = 0;  ///< bytes of the first chunk
    std::size_t bytes = 0;         ///< of all chunks, unacknowledged
    bool ended = false;
  };
  struct Request {
    Content content;
    std::vector<Header> headers;  ///< those that are coming in
    std::size_t header_bytes = 0;
  };

  Http3(Role role, quic::Connection& connection, Http3Owner& owner);
  bool open_own_streams();
  void check(std::int64_t result);

  Role role_;
  quic::Connection& connection_;
  Http3Owner& owner_;
  std::unique_ptr<nghttp3_conn, Deleter<nghttp3_conn_del>> handle_;
  SettingsReader settings_reader_;
  std::map<StreamId, Request> requests_;
  bool broken_ = false;        ///< nghttp3 must not be called any more
  bool may_have_data_ = true;  ///< nghttp3 was called since it last had nothing to send: packets come more often
};

}  // namespace mpquic::masque
