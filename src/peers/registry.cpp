#include "peers/registry.h"

#include <algorithm>

namespace mpquic::peers {

void Registry::route(const Key& key, Route route, Changes& changes) {
  changes.routes.push_back({key.first, key.second, route.path});
  routes_[key] = std::move(route);
}

Changes Registry::claim(PathRef path, std::shared_ptr<const Peer> peer, const std::string& tunnel,
                        const packet::Address& address, Instant now) {
  Changes changes;
  const Key key{tunnel, packet::Prefix(address)};
  if (const auto held = routes_.find(key); held != routes_.end() && held->second.path != path) {
    const auto holder = paths_.find(held->second.path);
    if (holder != paths_.end() && holder->second.address == address) {
      changes.superseded.push_back(holder->first);
      remove_path(holder->first, changes);
    }
  }
  const Registration registration{std::move(peer), tunnel, address, now};
  paths_[path] = registration;
  route(key, {path, registration.peer->name, RouteKind::registered, now, now}, changes);
  route_owned_prefixes(path, registration, now, changes);
  return changes;
}

// What the configuration gives to a named client is reached by its newest path of the tunnel, until a host there shows
// itself on another one. Of a nameless client's prefixes every such client has a share, so they lead nowhere.
void Registry::route_owned_prefixes(PathRef path, const Registration& registration, Instant now, Changes& changes) {
  if (registration.peer->name == Directory::anyone) return;
  for (const packet::Prefix& prefix : registration.peer->prefixes) {
    const Key key{registration.tunnel, prefix};
    const auto present = routes_.find(key);
    if (present != routes_.end() && present->second.kind == RouteKind::registered) continue;
    route(key, {path, registration.peer->name, RouteKind::owned, now, now}, changes);
  }
}

Changes Registry::learn(PathRef path, const packet::Address& source, Instant now) {
  Changes changes;
  const auto learner = paths_.find(path);
  if (learner == paths_.end()) return changes;
  const Registration& registration = learner->second;
  const Key key{registration.tunnel, packet::Prefix(source)};
  if (const auto known = routes_.find(key); known != routes_.end()) {
    if (known->second.path == path) {
      known->second.last_seen = now;
      return changes;
    }
    // A tunnel address belongs to the path that registered it; a host behind the client may come over another path.
    if (known->second.kind == RouteKind::registered) return changes;
  } else {
    forget_silent_host(registration.tunnel, registration.peer->name, changes);
  }
  route(key, {path, registration.peer->name, RouteKind::learned, now, now}, changes);
  return changes;
}

void Registry::forget_silent_host(const std::string& tunnel, const std::string& peer, Changes& changes) {
  std::size_t learned = 0;
  auto silent = routes_.end();
  for (auto route = routes_.begin(); route != routes_.end(); ++route) {
    if (route->first.first != tunnel || route->second.kind != RouteKind::learned || route->second.peer != peer) continue;
    ++learned;
    if (silent == routes_.end() || route->second.last_seen < silent->second.last_seen) silent = route;
  }
  if (learned < limits_.learned_per_peer) return;
  changes.routes.push_back({tunnel, silent->first.second, std::nullopt});
  routes_.erase(silent);
}

Changes Registry::gone(PathRef path) {
  Changes changes;
  remove_path(path, changes);
  return changes;
}

void Registry::remove_path(PathRef path, Changes& changes) {
  const auto leaver = paths_.find(path);
  if (leaver == paths_.end()) return;
  const Registration registration = leaver->second;
  paths_.erase(leaver);
  for (auto route = routes_.begin(); route != routes_.end();) {
    if (route->second.path == path) {
      changes.routes.push_back({route->first.first, route->first.second, std::nullopt});
      route = routes_.erase(route);
    } else {
      ++route;
    }
  }
  // The client's other connections to the tunnel, if there are any, take over what it owns.
  const auto heir = std::ranges::find_if(paths_, [&](const auto& other) {
    return other.second.peer->name == registration.peer->name && other.second.tunnel == registration.tunnel;
  });
  if (heir != paths_.end()) route_owned_prefixes(heir->first, heir->second, heir->second.since, changes);
}

Changes Registry::expire(Instant now) {
  Changes changes;
  for (auto route = routes_.begin(); route != routes_.end();) {
    const bool silent =
        route->second.kind == RouteKind::learned && now - route->second.last_seen > limits_.learned_lifetime;
    if (silent) {
      changes.routes.push_back({route->first.first, route->first.second, std::nullopt});
      route = routes_.erase(route);
    } else {
      ++route;
    }
  }
  return changes;
}

}  // namespace mpquic::peers
