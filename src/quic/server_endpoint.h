#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/drop.h"
#include "packet/udp_batch.h"
#include "quic/admission.h"
#include "quic/connection.h"

namespace mpquic::quic {

/// Secrets of a server, the same for all its workers.
struct ServerSecrets {
  std::array<std::uint8_t, 32> reset{};  ///< survives restarts (RFC 9000, 10.3.2)
  std::array<std::uint8_t, 32> token{};  ///< for Retry tokens
};

/// Who a server says it is, to connections that come.
struct ServerCredentials {
  std::shared_ptr<const TlsContext> tls;
  ServerSecrets secrets;
};

/// A stateless reset (RFC 9000, 10.3) for the connection that had this id of ours: `size` bytes, at least 21, less than
/// the packet that it answers if there is one. Empty: no room.
MutableBytes write_stateless_reset(MutableBytes space, std::size_t size, const ngtcp2_cid& id,
                                   const std::array<std::uint8_t, 32>& secret);

/// The public end of many connections that share a port, seen from one worker: finds the connection a UDP payload
/// belongs to, accepts new ones, and answers what belongs to none: version negotiation (RFC 9000, 6), Retry (8.1.2) and
/// stateless reset (10.3).
class ServerEndpoint final : public ConnectionIdTable {
 public:
  struct Arrival {
    MutableBytes payload;
    packet::SocketAddress local, remote;
  };
  /// Where a payload goes: `connection`, which is new when `accepted` holds it. Both null: it went nowhere.
  struct Destination {
    Connection* connection = nullptr;
    std::unique_ptr<Connection> accepted;
  };

  ServerEndpoint(TransportSettings settings, const ServerCredentials& credentials, WorkerSlot slot,
                 const AdmissionLimits& limits, DropCounters& drops);

  void set_credentials(const ServerCredentials& credentials) { credentials_ = credentials; }
  const ServerCredentials& credentials() const { return credentials_; }
  /// Answers to payloads of no connection go to `replies`.
  Destination find(const Arrival& arrival, packet::UdpBatch& replies, Instant now);
  /// The handshake of an accepted connection has ended, or the connection before it.
  void handshake_over() { admission_.finished(); }
  std::size_t half_open() const { return admission_.half_open(); }

  void add(const ngtcp2_cid& id, Connection& connection) override;
  void remove(const ngtcp2_cid& id) override;

 private:
  Destination find_long(const Arrival& arrival, packet::UdpBatch& replies, Instant now);
  Destination accept(const Arrival& arrival, packet::UdpBatch& replies, Instant now);
  void reset(const Arrival& arrival, packet::UdpBatch& replies, Instant now);
  void retry(const Arrival& arrival, const ngtcp2_pkt_hd& header, packet::UdpBatch& replies, Instant now);
  void negotiate_version(const Arrival& arrival, const ngtcp2_version_cid& ids, packet::UdpBatch& replies, Instant now);
  Destination drop(Drop reason);

  TransportSettings settings_;
  ServerCredentials credentials_;
  WorkerSlot slot_;
  Admission admission_;
  TokenBucket resets_;
  DropCounters& drops_;
  // Ours have eight bytes; what a client makes up for its first packets has any length.
  std::unordered_map<std::uint64_t, Connection*> by_our_id_;
  std::unordered_map<std::string, Connection*> by_client_id_;
};

}  // namespace mpquic::quic
