#include "peers/registry.h"

#include <algorithm>

namespace mpquic::peers {
namespace {

/// Whether the very prefix is the client's alone, so that it leads to the client without anybody there having spoken.
bool leads_to(const Peer& peer, const packet::Prefix& prefix) {
  return !peer.shares_prefixes && std::ranges::find(peer.prefixes, prefix) != peer.prefixes.end();
}

}  // namespace

void Registry::route(const Key& key, Route route, Changes& changes) {
  changes.routes.push_back({key.first, key.second, route.session});
  if (const auto before = routes_.find(key); before != routes_.end()) count_learned(key, before->second, -1);
  count_learned(key, route, +1);
  routes_[key] = std::move(route);
}

// Every route that ends, ends here. Where it was the way to a prefix that a client owns, the newest of its connections
// to the tunnel takes over.
void Registry::withdraw(Routes::iterator ended, Changes& changes) {
  const Key key = ended->first;
  count_learned(key, ended->second, -1);
  routes_.erase(ended);
  const Registration* heir = nullptr;
  SessionRef heir_session;
  for (const auto& [session, registration] : sessions_) {
    if (registration.tunnel != key.first || !leads_to(*registration.peer, key.second)) continue;
    if (heir != nullptr && registration.order < heir->order) continue;
    heir = &registration;
    heir_session = session;
  }
  if (heir == nullptr) return changes.routes.push_back({key.first, key.second, std::nullopt});
  route(key, {heir_session, heir->peer->name, RouteKind::owned, heir->since, heir->since}, changes);
}

void Registry::count_learned(const Key& key, const Route& route, int step) {
  if (route.kind != RouteKind::learned) return;
  const auto counted = learned_.try_emplace({key.first, route.peer}).first;
  if (step > 0)
    ++counted->second;
  else if (--counted->second == 0)
    learned_.erase(counted);
}

std::size_t Registry::learned_by(const std::string& tunnel, const std::string& peer) const {
  const auto counted = learned_.find({tunnel, peer});
  return counted == learned_.end() ? 0 : counted->second;
}

Changes Registry::claim(SessionRef session, std::shared_ptr<const Peer> peer, const std::string& tunnel,
                        const std::vector<packet::Address>& addresses, Instant now) {
  Changes changes;
  remove_session(session, changes);  // it may have registered other addresses before
  for (const auto& address : addresses) supersede_holder({tunnel, packet::Prefix(address)}, session, changes);
  const Registration registration{std::move(peer), tunnel, addresses, now, ++claims_};
  sessions_[session] = registration;
  for (const auto& address : addresses) {
    route({tunnel, packet::Prefix(address)}, {session, registration.peer->name, RouteKind::registered, now, now},
          changes);
  }
  route_owned_prefixes(session, registration, changes);
  return changes;
}

std::vector<packet::Address> Registry::addresses_of(SessionRef session) const {
  const auto known = sessions_.find(session);
  return known == sessions_.end() ? std::vector<packet::Address>() : known->second.addresses;
}

void Registry::supersede_holder(const Key& key, SessionRef session, Changes& changes) {
  const auto held = routes_.find(key);
  if (held == routes_.end() || held->second.session == session || held->second.kind != RouteKind::registered) return;
  const SessionRef holder = held->second.session;
  changes.superseded.push_back(holder);
  remove_session(holder, changes);
}

// What the configuration gives to one client is reached by its newest session of the tunnel, until a host there shows
// itself on another one. Of the prefixes of "*" every such client has a share, so they lead nowhere.
void Registry::route_owned_prefixes(SessionRef session, const Registration& registration, Changes& changes) {
  if (registration.peer->shares_prefixes) return;
  for (const packet::Prefix& prefix : registration.peer->prefixes) {
    const Key key{registration.tunnel, prefix};
    const auto present = routes_.find(key);
    if (present != routes_.end()) {
      if (present->second.kind == RouteKind::registered) continue;
      const Registration& holder = sessions_.at(present->second.session);
      if (holder.peer->name == registration.peer->name && holder.order >= registration.order) continue;
    }
    route(key, {session, registration.peer->name, RouteKind::owned, registration.since, registration.since}, changes);
  }
}

Changes Registry::learn(SessionRef session, const packet::Address& source, Instant now) {
  Changes changes;
  const auto learner = sessions_.find(session);
  if (learner == sessions_.end()) return changes;
  const Registration& registration = learner->second;
  const Key key{registration.tunnel, packet::Prefix(source)};
  const auto known = routes_.find(key);
  if (known != routes_.end()) {
    if (known->second.session == session) {
      known->second.last_seen = now;
      return changes;
    }
    // A tunnel address belongs to the session that registered it; a host behind the client may come over another
    // session.
    if (known->second.kind == RouteKind::registered) return changes;
  }
  const std::string& peer = registration.peer->name;
  const bool one_more = known == routes_.end() || known->second.kind != RouteKind::learned;
  if (one_more && learned_by(registration.tunnel, peer) >= limits_.learned_per_peer) {
    forget_silent_host(registration.tunnel, peer, changes);
  }
  route(key, {session, peer, RouteKind::learned, now, now}, changes);
  return changes;
}

void Registry::forget_silent_host(const std::string& tunnel, const std::string& peer, Changes& changes) {
  auto silent = routes_.end();
  for (auto each = routes_.lower_bound({tunnel, {}}); each != routes_.end() && each->first.first == tunnel; ++each) {
    if (each->second.kind != RouteKind::learned || each->second.peer != peer) continue;
    if (silent == routes_.end() || each->second.last_seen < silent->second.last_seen) silent = each;
  }
  if (silent != routes_.end()) withdraw(silent, changes);
}

Changes Registry::change_peer(SessionRef session, std::shared_ptr<const Peer> peer) {
  Changes changes;
  const auto known = sessions_.find(session);
  if (known == sessions_.end()) return changes;
  Registration& registration = known->second;
  registration.peer = std::move(peer);
  for (auto each = routes_.begin(); each != routes_.end();) {
    const auto route = each++;
    if (route->second.session != session || route->second.kind == RouteKind::registered) continue;
    const packet::Prefix& prefix = route->first.second;
    const bool owned = route->second.kind == RouteKind::learned ? registration.peer->owns(prefix.address())
                                                                : leads_to(*registration.peer, prefix);
    if (!owned) withdraw(route, changes);
  }
  route_owned_prefixes(session, registration, changes);
  return changes;
}

Changes Registry::gone(SessionRef session) {
  Changes changes;
  remove_session(session, changes);
  return changes;
}

void Registry::remove_session(SessionRef session, Changes& changes) {
  const auto leaver = sessions_.find(session);
  if (leaver == sessions_.end()) return;
  sessions_.erase(leaver);
  for (auto each = routes_.begin(); each != routes_.end();) {
    const auto route = each++;
    if (route->second.session == session) withdraw(route, changes);
  }
}

std::set<std::pair<std::string, std::string>> Registry::present() const {
  std::set<std::pair<std::string, std::string>> all;
  for (const auto& [session, registration] : sessions_) all.emplace(registration.tunnel, registration.peer->name);
  return all;
}

Changes Registry::expire(Instant now) {
  Changes changes;
  for (auto each = routes_.begin(); each != routes_.end();) {
    const auto route = each++;
    const bool silent =
        route->second.kind == RouteKind::learned && now - route->second.last_seen > limits_.learned_lifetime;
    if (silent) withdraw(route, changes);
  }
  return changes;
}

}  // namespace mpquic::peers
