#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/server_tun.h"
#include "masque/scope.h"
#include "packet/icmp.h"
#include "peers/directory.h"
#include "peers/path_ref.h"
#include "quic/connection.h"
#include "tunnel/path_source.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

class PathHost;
class ServerConnection;

/// One tunnel of one client at the server, over one connection: who may send what, and what goes to the client.
///
///   unregistered --tunnel addresses--> registered --newer connection--> superseded
class ServerPath {
 public:
  struct Snapshot {
    peers::PathRef ref;
    std::string peer, tunnel;
    packet::SocketAddress remote, local;
    std::vector<packet::Address> addresses;
    bool established = false;
    Instant since{};
    std::size_t mtu = 0;
    std::size_t queued_bytes = 0;
    quic::ConnectionStatistics connection;
    DropCounters drops;
  };

  ServerPath(PathHost& host, ServerConnection& connection);
  ~ServerPath();
  ServerPath(const ServerPath&) = delete;
  ServerPath& operator=(const ServerPath&) = delete;

  peers::PathRef ref() const { return ref_; }
  ServerConnection& connection() { return connection_; }
  ServerTun* tunnel() const { return tunnel_; }
  const std::vector<packet::Address>& addresses() const { return addresses_; }
  /// nullptr: nobody that we know, or not known yet.
  const std::shared_ptr<const peers::Peer>& peer() const { return peer_; }
  bool registered() const { return session_.has_value(); }

  void set_peer(std::shared_ptr<const peers::Peer> peer);
  void set_tunnel(ServerTun& tunnel) { tunnel_ = &tunnel; }
  /// Its addresses in the tunnel are these from now on; whether it may have them, others have decided.
  void set_addresses(std::vector<packet::Address> addresses);
  /// What the client's request was limited to.
  void set_limits(masque::Limits limits) { limits_ = std::move(limits); }

  /// A packet from the client.
  void receive(Bytes packet);
  /// From the TUN device, for the client.
  void push(Burst burst);
  /// A newer connection has taken the tunnel address: this one neither gets nor delivers anything from now on.
  void supersede();
  /// The way to `prefix` has led here: the registry is to be told again when the host there is heard again.
  void no_longer_leads_to(const packet::Prefix& prefix);

  /// Once registered.
  tunnel::PathSource& source() { return *source_; }
  tunnel::Session& session() { return *session_; }

  Snapshot snapshot() const;
  DropCounters& drops() { return drops_; }
  const DropCounters& drops() const { return drops_; }

 private:
  bool accept_source(const packet::Address& source);
  bool leads_to_another(const packet::Address& destination);
  void tell_registry(const packet::Address& source);
  void refuse(Bytes packet, Drop reason, packet::Unreachable why);

  PathHost& host_;
  ServerConnection& connection_;
  peers::PathRef ref_;
  DropCounters drops_;
  std::shared_ptr<const peers::Peer> peer_;
  ServerTun* tunnel_ = nullptr;
  std::vector<packet::Address> addresses_;
  std::optional<masque::Limits> limits_;      ///< when there are any
  std::optional<tunnel::Session> session_;    ///< once registered
  std::optional<tunnel::PathSource> source_;  ///< of it
  bool superseded_ = false;
  std::uint64_t received_packets_ = 0;
  std::uint64_t received_bytes_ = 0;
  // Sources that the registry has been told of, and when; it wants to hear again from time to time (learned routes
  // expire). The newest is kept apart, since packets come in flows.
  std::optional<packet::Address> last_source_;
  Instant last_told_{};
  std::unordered_map<packet::Address, Instant> told_;
  TokenBucket tells_;
  TokenBucket icmp_;
  // The same for destinations, as of this state of the routes.
  std::optional<packet::Address> last_destination_;
  std::uint64_t last_routes_ = 0;
};

}  // namespace mpquic::daemon
