#include "quic/server_endpoint.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "quic/sockaddr.h"

namespace mpquic::quic {
namespace {

// A client has so long to come back with a Retry token.
constexpr ngtcp2_duration retry_token_lifetime = 10 * NGTCP2_SECONDS;
// Answers to strangers, each second; a restart with a thousand clients fits.
constexpr double resets_per_second = 2000;
// RFC 9000, 10.3: a stateless reset has at least 21 bytes, and is smaller than what it answers.
constexpr std::size_t smallest_reset = 21;
constexpr std::size_t largest_reset = 43;

constexpr bool is_long_header(std::uint8_t first) { return (first & 0x80) != 0; }

std::uint64_t our_id(const std::uint8_t* bytes) {
  std::uint64_t id = 0;
  std::memcpy(&id, bytes, sizeof id);
  return id;
}

std::string client_id(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

ngtcp2_tstamp timestamp(Instant now) { return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count()); }

}  // namespace

ServerEndpoint::ServerEndpoint(TransportSettings settings, const ServerCredentials& credentials, WorkerSlot slot,
                               const AdmissionLimits& limits, DropCounters& drops)
    : settings_(std::move(settings)),
      credentials_(credentials),
      slot_(slot),
      admission_(limits),
      resets_(resets_per_second, resets_per_second),
      drops_(drops) {}

void ServerEndpoint::add(const ngtcp2_cid& id, Connection& connection) {
  if (id.datalen == server_id_size)
    by_our_id_[our_id(id.data)] = &connection;
  else
    by_client_id_[client_id(id.data, id.datalen)] = &connection;
}

void ServerEndpoint::remove(const ngtcp2_cid& id) {
  if (id.datalen == server_id_size)
    by_our_id_.erase(our_id(id.data));
  else
    by_client_id_.erase(client_id(id.data, id.datalen));
}

ServerEndpoint::Destination ServerEndpoint::drop(Drop reason) {
  drops_.count(reason);
  return {};
}

ServerEndpoint::Destination ServerEndpoint::find(const Arrival& arrival, packet::UdpBatch& replies, Instant now) {
  const MutableBytes payload = arrival.payload;
  if (payload.size() < smallest_reset) return drop(Drop::udp_garbage);
  if (is_long_header(payload[0])) return find_long(arrival, replies, now);
  if (const auto known = by_our_id_.find(our_id(&payload[1])); known != by_our_id_.end()) return {known->second, {}};
  reset(arrival, replies, now);
  return drop(Drop::unknown_connection);
}

ServerEndpoint::Destination ServerEndpoint::find_long(const Arrival& arrival, packet::UdpBatch& replies, Instant now) {
  ngtcp2_version_cid ids{};
  const int decoded =
      ngtcp2_pkt_decode_version_cid(&ids, arrival.payload.data(), arrival.payload.size(), server_id_size);
  if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION) {
    negotiate_version(arrival, ids, replies, now);
    return drop(Drop::version);
  }
  if (decoded != 0) return drop(Drop::udp_garbage);
  if (ids.dcidlen == server_id_size) {
    if (const auto known = by_our_id_.find(our_id(ids.dcid)); known != by_our_id_.end()) return {known->second, {}};
  } else if (const auto known = by_client_id_.find(client_id(ids.dcid, ids.dcidlen)); known != by_client_id_.end()) {
    return {known->second, {}};
  }
  return accept(arrival, replies, now);
}

ServerEndpoint::Destination ServerEndpoint::accept(const Arrival& arrival, packet::UdpBatch& replies, Instant now) {
  ClientInitial initial{};
  if (ngtcp2_accept(&initial.header, arrival.payload.data(), arrival.payload.size()) != 0) {
    return drop(Drop::unknown_connection);
  }
  // A token of another kind, from a NEW_TOKEN frame of some server that was here before, counts as none (RFC
  // 9000, 8.1.3).
  if (initial.header.tokenlen != 0 && initial.header.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY) {
    SockAddr remote(arrival.remote);
    const ngtcp2_addr view = remote.view();
    ngtcp2_cid original{};
    if (ngtcp2_crypto_verify_retry_token(&original, initial.header.token, initial.header.tokenlen,
                                         credentials_.secrets.token.data(), credentials_.secrets.token.size(),
                                         initial.header.version, view.addr, view.addrlen, &initial.header.dcid,
                                         retry_token_lifetime, timestamp(now)) != 0) {
      return drop(Drop::bad_token);
    }
    initial.original_id = original;
  }
  switch (admission_.decide(arrival.remote.address, initial.original_id.has_value(), now)) {
    case Admission::Verdict::accept: break;
    case Admission::Verdict::retry: retry(arrival, initial.header, replies, now); return {};
    case Admission::Verdict::over_half_open_limit: return drop(Drop::half_open_limit);
    case Admission::Verdict::over_source_limit: return drop(Drop::source_limit);
  }
  auto connection = Connection::accept(settings_, *credentials_.tls, initial, {this, slot_, credentials_.secrets.reset},
                                       arrival.local, arrival.remote, now);
  if (!connection) {
    admission_.finished();
    return drop(Drop::bad_packet);
  }
  Connection* accepted = connection->get();
  return {accepted, std::move(*connection)};
}

MutableBytes write_stateless_reset(MutableBytes space, std::size_t size, const ngtcp2_cid& id,
                                   const std::array<std::uint8_t, 32>& secret) {
  if (space.size() < size) return {};
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token{};
  ngtcp2_crypto_generate_stateless_reset_token(token.data(), secret.data(), secret.size(), &id);
  std::array<std::uint8_t, largest_reset> noise{};
  const std::size_t noise_size = std::min(size, largest_reset) - token.size();
  gnutls_rnd(GNUTLS_RND_NONCE, noise.data(), noise_size);
  const ngtcp2_ssize written =
      ngtcp2_pkt_write_stateless_reset(space.data(), size, token.data(), noise.data(), noise_size);
  return written > 0 ? space.first(static_cast<std::size_t>(written)) : MutableBytes{};
}

void ServerEndpoint::reset(const Arrival& arrival, packet::UdpBatch& replies, Instant now) {
  const std::size_t size = std::min(arrival.payload.size() - 1, largest_reset);
  if (size < smallest_reset || !resets_.take(now)) return;
  ngtcp2_cid id{};
  ngtcp2_cid_init(&id, &arrival.payload[1], server_id_size);
  const MutableBytes reset = write_stateless_reset(replies.space(largest_reset), size, id, credentials_.secrets.reset);
  if (!reset.empty()) replies.commit(reset.size(), {arrival.remote, arrival.local.address});
}

void ServerEndpoint::retry(const Arrival& arrival, const ngtcp2_pkt_hd& header, packet::UdpBatch& replies,
                           Instant now) {
  ngtcp2_cid id{};
  id.datalen = server_id_size;
  gnutls_rnd(GNUTLS_RND_NONCE, id.data, id.datalen);
  id.data[0] = slot_.mark(id.data[0]);
  SockAddr remote(arrival.remote);
  const ngtcp2_addr view = remote.view();
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN> token{};
  const ngtcp2_ssize token_size = ngtcp2_crypto_generate_retry_token(
      token.data(), credentials_.secrets.token.data(), credentials_.secrets.token.size(), header.version, view.addr,
      view.addrlen, &id, &header.dcid, timestamp(now));
  const MutableBytes space = replies.space(256);
  if (token_size < 0 || space.empty()) return;
  const ngtcp2_ssize written =
      ngtcp2_crypto_write_retry(space.data(), space.size(), header.version, &header.scid, &id, &header.dcid,
                                token.data(), static_cast<std::size_t>(token_size));
  if (written > 0) replies.commit(static_cast<std::size_t>(written), {arrival.remote, arrival.local.address});
}

void ServerEndpoint::negotiate_version(const Arrival& arrival, const ngtcp2_version_cid& ids, packet::UdpBatch& replies,
                                       Instant now) {
  // RFC 9000, 6.1: only in answer to what could be an Initial, and no more often than resets.
  if (arrival.payload.size() < NGTCP2_MAX_UDP_PAYLOAD_SIZE || !resets_.take(now)) return;
  const MutableBytes space = replies.space(256);
  if (space.empty()) return;
  constexpr std::uint32_t ours = NGTCP2_PROTO_VER_V1;
  std::uint8_t noise = 0;
  gnutls_rnd(GNUTLS_RND_NONCE, &noise, sizeof noise);
  const ngtcp2_ssize written = ngtcp2_pkt_write_version_negotiation(space.data(), space.size(), noise, ids.scid,
                                                                    ids.scidlen, ids.dcid, ids.dcidlen, &ours, 1);
  if (written > 0) replies.commit(static_cast<std::size_t>(written), {arrival.remote, arrival.local.address});
}

}  // namespace mpquic::quic
