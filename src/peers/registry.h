#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "packet/address.h"
#include "peers/directory.h"
#include "peers/session_ref.h"

namespace mpquic::peers {

/// How a route came to be.
enum class RouteKind : std::uint8_t {
  registered,  ///< the client's own tunnel address
  learned,     ///< the source of a packet that came from behind the client
  owned,       ///< a prefix that the configuration gives to the client
};

struct Route {
  SessionRef session;
  std::string peer;
  RouteKind kind = RouteKind::registered;
  Instant since{};
  Instant last_seen{};
};

/// What the workers' tables and sessions have to be told.
struct Changes {
  struct RouteChange {
    std::string tunnel;
    packet::Prefix prefix;
    std::optional<SessionRef> session;  ///< nullopt: no longer routed
  };
  std::vector<RouteChange> routes;
  std::vector<SessionRef> superseded;  ///< a newer connection has taken their tunnel address

  bool empty() const { return routes.empty() && superseded.empty(); }
};

struct RegistryLimits {
  std::size_t learned_per_peer = 1024;                   ///< in each tunnel, at least 1
  Duration learned_lifetime = std::chrono::minutes(10);  ///< without a packet from there
};

/// The one place where it is decided which session a tunnel address, a host or a prefix is reached by. Owned by the
/// control thread, so claims have an order: the newest claim of an address wins, at once and for good, and the session
/// that had it before gets nothing any more.
class Registry {
 public:
  explicit Registry(const RegistryLimits& limits) : limits_(limits) {}

  /// `session` has registered these as its tunnel addresses. The caller has checked that the peer may have them.
  Changes claim(SessionRef session, std::shared_ptr<const Peer> peer, const std::string& tunnel,
                const std::vector<packet::Address>& addresses, Instant now);
  /// A packet from `source`, which the peer owns, came over `session`. Beyond the limit the host that was silent
  /// longest is forgotten.
  Changes learn(SessionRef session, const packet::Address& source, Instant now);
  /// What the session has registered; empty: nothing, or no longer.
  std::vector<packet::Address> addresses_of(SessionRef session) const;
  /// The session's client owns other things from now on; its tunnel addresses are the same as before.
  Changes change_peer(SessionRef session, std::shared_ptr<const Peer> peer);
  /// The session's connection has ended.
  Changes gone(SessionRef session);
  /// Forgets hosts that were silent for too long.
  Changes expire(Instant now);

  const std::map<std::pair<std::string, packet::Prefix>, Route>& routes() const { return routes_; }
  /// Tunnels, and names of peers that have registered an address there.
  std::set<std::pair<std::string, std::string>> present() const;

 private:
  using Key = std::pair<std::string, packet::Prefix>;  ///< tunnel and prefix
  using Routes = std::map<Key, Route>;

  struct Registration {
    std::shared_ptr<const Peer> peer;
    std::string tunnel;
    std::vector<packet::Address> addresses;
    Instant since{};
    std::uint64_t order = 0;  ///< of the claims; the greatest is the newest
  };

  void route(const Key& key, Route route, Changes& changes);
  void withdraw(Routes::iterator route, Changes& changes);
  void count_learned(const Key& key, const Route& route, int step);
  std::size_t learned_by(const std::string& tunnel, const std::string& peer) const;
  void forget_silent_host(const std::string& tunnel, const std::string& peer, Changes& changes);
  void route_owned_prefixes(SessionRef session, const Registration& registration, Changes& changes);
  void remove_session(SessionRef session, Changes& changes);
  void supersede_holder(const Key& key, SessionRef session, Changes& changes);

  RegistryLimits limits_;
  std::map<SessionRef, Registration> sessions_;
  Routes routes_;                                                       ///< each over one of sessions_
  std::map<std::pair<std::string, std::string>, std::size_t> learned_;  ///< routes, by tunnel and peer; none is 0
  std::uint64_t claims_ = 0;
};

}  // namespace mpquic::peers
