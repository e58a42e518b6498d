#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/server_context.h"
#include "daemon/server_tun.h"
#include "daemon/session_paths.h"
#include "masque/path_capsule.h"
#include "masque/scope.h"
#include "packet/icmp.h"
#include "peers/directory.h"
#include "peers/session_ref.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

class PathHost;
class ServerPath;

/// One tunnel of one client at the server: who may send what, and what goes to the client. Over one connection or, once
/// it is shared, over several, that come and go.
///
///   unregistered --tunnel addresses--> registered --newer session--> superseded;  any --last path goes--> gone
class ServerSession {
 public:
  struct Snapshot {
    peers::SessionRef ref;
    std::string peer, tunnel;
    std::uint64_t rx_packets = 0, rx_bytes = 0;  ///< that the client has sent into the tunnel
    std::optional<SessionPaths::Snapshot> shared;
  };

  /// `host`: any port of the worker that it lives on.
  ServerSession(PathHost& host, peers::SessionRef ref);
  ~ServerSession();
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  peers::SessionRef ref() const { return ref_; }
  ServerTun* tunnel() const { return tunnel_; }
  const std::vector<packet::Address>& addresses() const { return addresses_; }
  /// nullptr: nobody that we know, or not known yet.
  const std::shared_ptr<const peers::Peer>& peer() const { return peer_; }
  bool registered() const { return queue_.has_value(); }

  void set_peer(std::shared_ptr<const peers::Peer> peer);
  /// `instance`: what tells it apart from the client's other sessions in the tunnel.
  void set_tunnel(ServerTun& tunnel, std::string instance = {});
  const std::string& instance() const { return instance_; }
  /// Its addresses in the tunnel are these from now on; whether it may have them, others have decided.
  void set_addresses(std::vector<packet::Address> addresses);
  /// What the client's request is limited to. `targets`: what the scope's target stands for.
  void set_scope(const masque::Scope& scope, std::vector<packet::Prefix> targets);
  const masque::Scope& scope() const { return scope_; }
  /// Empty: it leads anywhere.
  const std::vector<packet::Prefix>& targets() const { return targets_; }

  /// Asks the control thread; of several answers the last one counts. `wanted`: those that the client would like.
  void ask_for_addresses(std::vector<packet::Address> wanted);
  /// What it says. All paths are told.
  void assigned(const Assignment& assignment);
  void looked_up(const NameAnswer& answer);

  void attach(ServerPath& path) { paths_.push_back(&path); }
  void detach(ServerPath& path);
  /// The one that came first, first.
  const std::vector<ServerPath*>& paths() const { return paths_; }

  /// For one path more, of this name: the one that has it already gives way if need be. False: there are as many as
  /// there can be.
  bool make_room_for(const std::string& name);
  /// A client has one path over each of its links: those that this one has taken the place of are closed.
  void replace_others_by(const ServerPath& path);

  /// Over `path` the client says that the one of this name is gone. It has not closed: it could not.
  void suspect_other(const ServerPath& path, const std::string& name);

  /// Once registered, before there is anything to send: more connections may carry it from now on.
  SessionPaths& share(tunnel::Wire wire);
  /// nullptr: it is not shared.
  SessionPaths* shared() { return shared_.get(); }
  const SessionPaths* shared() const { return shared_.get(); }
  /// The client says how it would have its paths used; the configuration of the tunnel has precedence.
  void wish(tunnel::Policy policy);
  /// The rules are others.
  void follow_policy();

  /// A packet from the client.
  void receive(Bytes packet);
  /// From the TUN device, for the client.
  void push(Burst burst);
  /// A newer session has taken the tunnel address: this one neither gets nor delivers anything from now on. It may be
  /// gone afterwards.
  void supersede();
  bool superseded() const { return superseded_; }
  /// The way to `prefix` has led here: the registry is to be told again when the host there is heard again.
  void no_longer_leads_to(const packet::Prefix& prefix);

  /// Once registered: what waits.
  tunnel::Session& queue() { return *queue_; }
  std::size_t queued_bytes() const { return queue_ ? queue_->queued_bytes() : 0; }
  DropCounters& drops() { return drops_; }
  const DropCounters& drops() const { return drops_; }
  Snapshot snapshot() const;

 private:
  bool accept_source(const packet::Address& source);
  bool leads_to_another(const packet::Address& destination);
  void tell_registry(const packet::Address& source);
  void refuse(Bytes packet, Drop reason, packet::Unreachable why);
  void wants_to_write();
  tunnel::Policy policy() const;

  PathHost& host_;
  peers::SessionRef ref_;
  DropCounters drops_;
  std::shared_ptr<const peers::Peer> peer_;
  ServerTun* tunnel_ = nullptr;
  std::string instance_;
  masque::Scope scope_;
  std::vector<packet::Prefix> targets_;
  std::vector<packet::Address> addresses_;
  unsigned awaited_ = 0;                  ///< answers of the control thread
  std::optional<masque::Limits> limits_;  ///< by the scope, when there are any
  std::optional<tunnel::Session> queue_;  ///< once registered
  std::unique_ptr<SessionPaths> shared_;
  tunnel::Policy wished_ = tunnel::Policy::bonded;
  std::vector<ServerPath*> paths_;
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
