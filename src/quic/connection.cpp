#include "quic/connection.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "quic/callbacks.h"
#include "quic/sockaddr.h"

namespace mpquic::quic {
namespace {

// UDP payloads to try, after the 1200 that every path carries. The first is what an inner IPv6 packet of 1280 needs, so
// that IPv6 works a round trip after the handshake; then Ethernet with an IPv6 and an IPv4 header; then what PPPoE,
// LTE and other tunnels leave.
constexpr std::array<std::uint16_t, 7> mtu_probes = {1332, 1452, 1472, 1432, 1412, 1392, 1372};

// Half of what RFC 9002 proposes: a first Initial that is lost costs half a second, which even a satellite's round trip
// fits into.
constexpr Duration initial_rtt = std::chrono::milliseconds(166);

constexpr std::size_t shown_reason_max = 200;

ngtcp2_tstamp timestamp(Instant now) { return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()); }
ngtcp2_duration duration(Duration value) { return static_cast<ngtcp2_duration>(value.count()); }

ngtcp2_settings library_settings(const TransportSettings& settings, bool remote_is_ipv4, Instant now) {
  ngtcp2_settings result;
  ngtcp2_settings_default(&result);
  result.cc_algo = settings.congestion == CongestionControl::bbr ? NGTCP2_CC_ALGO_BBR : NGTCP2_CC_ALGO_CUBIC;
  result.initial_ts = timestamp(now);
  result.initial_rtt = duration(initial_rtt);
  result.handshake_timeout = duration(settings.handshake_timeout);
  result.max_tx_udp_payload_size = remote_is_ipv4 ? 1472 : 1452;
  result.pmtud_probes = mtu_probes.data();
  result.pmtud_probeslen = mtu_probes.size();
  return result;
}

// What streams carry is small: requests, addresses, routes. Where packets go over them, the path has no more room
// either.
constexpr std::uint64_t stream_window = 256 << 10;
constexpr std::uint64_t connection_window = 1 << 20;
constexpr std::uint64_t most_requests = 16;
constexpr std::uint64_t most_one_way_streams = 16;

ngtcp2_transport_params transport_parameters(const TransportSettings& settings) {
  ngtcp2_transport_params result;
  ngtcp2_transport_params_default(&result);
  result.max_idle_timeout = duration(settings.idle_timeout);
  result.max_datagram_frame_size = 65535;  // RFC 9221, 3: any size that fits a packet
  result.active_connection_id_limit = 7;
  if (settings.streams) {
    result.initial_max_streams_bidi = most_requests;
    result.initial_max_streams_uni = most_one_way_streams;
    result.initial_max_stream_data_bidi_local = stream_window;
    result.initial_max_stream_data_bidi_remote = stream_window;
    result.initial_max_stream_data_uni = stream_window;
    result.initial_max_data = connection_window;
  }
  return result;
}

/// For a log line, whatever the other end put into it.
std::string shown(const std::uint8_t* text, std::size_t size) {
  std::string line(reinterpret_cast<const char*>(text), std::min(size, shown_reason_max));
  std::ranges::replace_if(line, [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

ngtcp2_cid random_connection_id(std::size_t size) {
  ngtcp2_cid id{};
  id.datalen = size;
  gnutls_rnd(GNUTLS_RND_NONCE, id.data, size);
  return id;
}

}  // namespace

Connection::Connection() {
  reference_.user_data = this;
  reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<Connection*>(reference->user_data)->handle_.get();
  };
  ngtcp2_path_storage_zero(&path_);
  ngtcp2_path_storage_zero(&envelope_path_);
}

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::connect(const TransportSettings& settings, const TlsContext& tls,
                                                        const packet::SocketAddress& local,
                                                        const packet::SocketAddress& remote, Instant now) {
  std::unique_ptr<Connection> connection(new Connection);
  SockAddr local_address(local);
  SockAddr remote_address(remote);
  const ngtcp2_path path{local_address.view(), remote_address.view(), nullptr};
  const ngtcp2_settings library = library_settings(settings, remote.address.is_ipv4(), now);
  const ngtcp2_transport_params parameters = transport_parameters(settings);
  ngtcp2_cid destination = random_connection_id(16);
  if (settings.first_id_byte) destination.data[0] = *settings.first_id_byte;
  const ngtcp2_cid source{};

  ngtcp2_conn* handle = nullptr;
  if (const int error = ngtcp2_conn_client_new(&handle, &destination, &source, &path, NGTCP2_PROTO_VER_V1,
                                               &client_callbacks(), &library, &parameters, nullptr, connection.get());
      error != 0) {
    return failure("new client connection: {}", ngtcp2_strerror(error));
  }
  connection->handle_.reset(handle);
  connection->credentials_ = tls.shared_from_this();
  connection->tls_ = tls.client_session(settings.alpn, connection->reference_);
  if (connection->tls_ == nullptr) return failure("new TLS session: out of memory");
  ngtcp2_conn_set_tls_native_handle(handle, connection->tls_.get());
  ngtcp2_conn_set_keep_alive_timeout(handle, duration(settings.keep_alive));
  connection->last_received_ = now;
  connection->handshake_deadline_ = now + settings.handshake_timeout;
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::accept(const TransportSettings& settings, const TlsContext& tls,
                                                       const ClientInitial& initial, const ServerIdentity& identity,
                                                       const packet::SocketAddress& local,
                                                       const packet::SocketAddress& remote, Instant now) {
  std::unique_ptr<Connection> connection(new Connection);
  connection->identity_ = identity;
  SockAddr local_address(local);
  SockAddr remote_address(remote);
  const ngtcp2_path path{local_address.view(), remote_address.view(), nullptr};
  ngtcp2_settings library = library_settings(settings, remote.address.is_ipv4(), now);
  ngtcp2_transport_params parameters = transport_parameters(settings);
  parameters.original_dcid_present = 1;
  if (initial.original_id) {
    parameters.original_dcid = *initial.original_id;
    parameters.retry_scid = initial.header.dcid;
    parameters.retry_scid_present = 1;
    library.token = initial.header.token;
    library.tokenlen = initial.header.tokenlen;
    library.token_type = NGTCP2_TOKEN_TYPE_RETRY;
  } else {
    parameters.original_dcid = initial.header.dcid;
  }

  ngtcp2_cid source = random_connection_id(server_id_size);
  source.data[0] = identity.slot.mark(source.data[0]);
  connection->first_id_ = source;
  parameters.stateless_reset_token_present = 1;
  ngtcp2_crypto_generate_stateless_reset_token(parameters.stateless_reset_token, identity.reset_secret.data(),
                                               identity.reset_secret.size(), &source);

  ngtcp2_conn* handle = nullptr;
  if (const int error = ngtcp2_conn_server_new(&handle, &initial.header.scid, &source, &path, initial.header.version,
                                               &server_callbacks(), &library, &parameters, nullptr, connection.get());
      error != 0) {
    return failure("new server connection: {}", ngtcp2_strerror(error));
  }
  connection->handle_.reset(handle);
  connection->credentials_ = tls.shared_from_this();
  connection->tls_ = tls.server_session(settings.alpn, connection->reference_);
  if (connection->tls_ == nullptr) return failure("new TLS session: out of memory");
  ngtcp2_conn_set_tls_native_handle(handle, connection->tls_.get());
  connection->last_received_ = now;
  connection->handshake_deadline_ = now + settings.handshake_timeout;
  identity.ids->add(source, *connection);
  connection->client_chosen_id_ = initial.header.dcid;
  identity.ids->add(initial.header.dcid, *connection);  // the client uses it until it has ours
  return connection;
}

bool Connection::new_connection_id(ngtcp2_cid& id, std::uint8_t* reset_token, std::size_t size) {
  id = random_connection_id(size);
  if (!identity_) return false;  // a client's ids have no length, ngtcp2 never asks for one
  id.data[0] = identity_->slot.mark(id.data[0]);
  ngtcp2_crypto_generate_stateless_reset_token(reset_token, identity_->reset_secret.data(),
                                               identity_->reset_secret.size(), &id);
  identity_->ids->add(id, *this);
  return true;
}

void Connection::forget_connection_ids() {
  if (!identity_) return;
  std::vector<ngtcp2_cid> ids(ngtcp2_conn_get_scid(handle_.get(), nullptr));
  ngtcp2_conn_get_scid(handle_.get(), ids.data());
  for (const ngtcp2_cid& id : ids) identity_->ids->remove(id);
  identity_->ids->remove(client_chosen_id_);
}

bool Connection::receive(MutableBytes payload, const packet::SocketAddress& local, const packet::SocketAddress& remote,
                         packet::Ecn ecn, Instant now) {
  if (state_ == ConnectionState::closed) return false;
  now_ = now;
  SockAddr local_address(local);
  SockAddr remote_address(remote);
  const ngtcp2_path path{local_address.view(), remote_address.view(), nullptr};
  const ngtcp2_pkt_info info{static_cast<std::uint8_t>(ecn)};
  // ngtcp2 may rightly keep back or discard what belongs to a handshake, without decrypting it.
  const bool of_handshake = state_ == ConnectionState::handshaking || (!payload.empty() && (payload[0] & 0x80) != 0);
  take_decrypted();
  if (const int error =
          ngtcp2_conn_read_pkt(handle_.get(), &path, &info, payload.data(), payload.size(), timestamp(now));
      error != 0) {
    fail(error);
    return false;
  }
  if (!take_decrypted() && !of_handshake) return false;
  last_received_ = now;
  return true;
}

Instant Connection::deadline() const {
  if (state_ == ConnectionState::closed) return never;
  const Instant handshake = state_ == ConnectionState::handshaking ? handshake_deadline_ : never;
  const Instant own = std::min(path_mtu_.deadline(), handshake);
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry(handle_.get());
  if (expiry >= timestamp(never)) return own;
  return std::min(Instant(Duration(static_cast<std::int64_t>(expiry))), own);
}

void Connection::on_deadline(Instant now) {
  if (state_ == ConnectionState::closed) return;
  now_ = now;
  // ngtcp2's own handshake timeout ends with the last message of TLS, which the other end may not have lived to get.
  if (state_ == ConnectionState::handshaking && now >= handshake_deadline_) {
    return closed(CloseCause::handshake_timeout, "no answer");
  }
  path_mtu_.on_deadline(now);
  // Nothing has come for a whole probe timeout (RFC 9002, 6.2): the first probe is to be small. On a path that has
  // become narrower large ones would be lost like all before, and without an acknowledgement PathMtu would never hear
  // of it.
  probe_small_ = now - last_received_ >= Duration(ngtcp2_conn_get_pto(handle_.get()));
  if (const int error = ngtcp2_conn_handle_expiry(handle_.get(), timestamp(now)); error != 0) fail(error);
}

std::optional<StreamId> Connection::open_stream() {
  StreamId stream = 0;
  if (ngtcp2_conn_open_bidi_stream(handle_.get(), &stream, nullptr) != 0) return std::nullopt;
  return stream;
}

std::optional<StreamId> Connection::open_one_way_stream() {
  StreamId stream = 0;
  if (ngtcp2_conn_open_uni_stream(handle_.get(), &stream, nullptr) != 0) return std::nullopt;
  return stream;
}

void Connection::consumed(StreamId stream, std::size_t bytes) {
  ngtcp2_conn_extend_max_stream_offset(handle_.get(), stream, bytes);
  ngtcp2_conn_extend_max_offset(handle_.get(), bytes);
}

void Connection::reset_stream(StreamId stream, std::uint64_t code) {
  ngtcp2_conn_shutdown_stream_write(handle_.get(), 0, stream, code);
}

void Connection::stop_sending(StreamId stream, std::uint64_t code) {
  ngtcp2_conn_shutdown_stream_read(handle_.get(), 0, stream, code);
}

bool Connection::datagrams_accepted() const {
  const ngtcp2_transport_params* remote = ngtcp2_conn_get_remote_transport_params(handle_.get());
  return remote != nullptr && remote->max_datagram_frame_size > 0;
}

void Connection::close(std::uint64_t code, std::string reason) {
  if (state_ == ConnectionState::closed) return;
  closed(CloseCause::local, std::move(reason));
  ngtcp2_ccerr& goodbye = goodbye_.emplace();
  ngtcp2_ccerr_set_application_error(&goodbye, code, reinterpret_cast<const std::uint8_t*>(close_reason_.data()),
                                     close_reason_.size());
}

void Connection::closed(CloseCause cause, std::string reason) {
  if (state_ == ConnectionState::closed) return;
  state_ = ConnectionState::closed;
  close_cause_ = cause;
  close_reason_ = std::move(reason);
}

void Connection::fail(int error) {
  switch (error) {
    case NGTCP2_ERR_IDLE_CLOSE: return closed(CloseCause::idle_timeout, "nothing heard for the idle timeout");
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: return closed(CloseCause::handshake_timeout, "no answer");
    case NGTCP2_ERR_DRAINING: return describe_peer_close();
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_CLOSING: return closed(CloseCause::protocol_error, "connection dropped");
    case NGTCP2_ERR_CRYPTO: {
      const std::uint8_t alert = ngtcp2_conn_get_tls_alert(handle_.get());
      const std::string certificate = credentials_->verification_failure(tls_.get());
      ngtcp2_ccerr_set_tls_alert(&goodbye_.emplace(), alert, nullptr, 0);
      const char* name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
      return closed(CloseCause::refused, !certificate.empty() ? "the other end's certificate is refused: " + certificate
                                                              : std::string("TLS: ") + (name ? name : "failure"));
    }
    default: break;
  }
  ngtcp2_ccerr_set_liberr(&goodbye_.emplace(), error, nullptr, 0);
  closed(CloseCause::protocol_error, ngtcp2_strerror(error));
}

void Connection::describe_peer_close() {
  const ngtcp2_ccerr* error = ngtcp2_conn_get_ccerr(handle_.get());
  const std::string reason = shown(error->reason, error->reasonlen);
  // RFC 9001, 4.8: a TLS alert travels as CRYPTO_ERROR, 0x0100 + alert.
  if (error->type == NGTCP2_CCERR_TYPE_TRANSPORT && (error->error_code & ~std::uint64_t{0xff}) == 0x0100) {
    const char* alert = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(error->error_code & 0xff));
    return closed(CloseCause::refused, fmt::format("the other end refused us: {}", alert ? alert : "TLS failure"));
  }
  closed(CloseCause::closed_by_peer, reason.empty()
                                         ? fmt::format("closed by the other end, code {:#x}", error->error_code)
                                         : fmt::format("closed by the other end: {}", reason));
}

void Connection::measure_loss() {
  constexpr Duration interval = std::chrono::seconds(3);
  if (now_ - interval_began_ < interval) return;
  last_interval_ = std::exchange(interval_, counts_);
  interval_began_ = now_;
}

void Connection::acknowledged(std::uint64_t datagram_id) {
  ++counts_.acknowledged_datagrams;
  path_mtu_.acknowledged(sent_packet_size(datagram_id));
  owner_->on_acknowledged(datagram_id >> 16);
}

void Connection::lost(std::uint64_t datagram_id) {
  ++counts_.lost_datagrams;
  path_mtu_.lost(sent_packet_size(datagram_id), datagram_id >> 16, next_datagram_ - 1, now_);
  owner_->on_lost(datagram_id >> 16);
}

ConnectionStatistics Connection::statistics() const {
  ConnectionStatistics result = counts_;
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(handle_.get(), &info);
  result.smoothed_rtt = Duration(info.smoothed_rtt);
  result.min_rtt = info.min_rtt == UINT64_MAX ? Duration{} : Duration(info.min_rtt);
  if (const auto sent = counts_.tx_datagrams - last_interval_.tx_datagrams; sent != 0) {
    result.recent_loss =
        static_cast<double>(counts_.lost_datagrams - last_interval_.lost_datagrams) / static_cast<double>(sent);
  }
  result.congestion_window = info.cwnd;
  result.bytes_in_flight = info.bytes_in_flight;
  return result;
}

Duration Connection::smoothed_rtt() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(handle_.get(), &info);
  return Duration(info.smoothed_rtt);
}

packet::SocketAddress Connection::remote() const { return socket_address(ngtcp2_conn_get_path(handle_.get())->remote); }

packet::SocketAddress Connection::local() const { return socket_address(ngtcp2_conn_get_path(handle_.get())->local); }

std::optional<std::string> Connection::peer_name() const { return peer_common_name(tls_.get()); }

std::string_view Connection::alpn() const { return agreed_protocol(tls_.get()); }

}  // namespace mpquic::quic
