#include "peers/route_table.h"

#include <utility>

namespace mpquic::peers {

std::optional<SessionRef> RouteTable::set(const packet::Prefix& prefix, SessionRef session) {
  Family& routes = family(prefix.address());
  routes.used[prefix.length()] = true;
  const auto [route, added] = routes.by_length[prefix.length()].try_emplace(prefix.address(), session);
  if (added) return std::nullopt;
  return std::exchange(route->second, session);
}

std::optional<SessionRef> RouteTable::remove(const packet::Prefix& prefix) {
  Family& routes = family(prefix.address());
  auto& candidates = routes.by_length[prefix.length()];
  const auto ended = candidates.extract(prefix.address());
  routes.used[prefix.length()] = !candidates.empty();
  return ended ? std::optional(ended.mapped()) : std::nullopt;
}

std::optional<SessionRef> RouteTable::find(const packet::Address& destination) const {
  const Family& routes = family(destination);
  for (unsigned length = destination.bits() + 1; length-- > 0;) {
    if (!routes.used[length]) continue;
    const auto& candidates = routes.by_length[length];
    const auto found = candidates.find(packet::Prefix(destination, length).address());
    if (found != candidates.end()) return found->second;
  }
  return std::nullopt;
}

std::size_t RouteTable::size() const {
  std::size_t total = 0;
  for (const Family& routes : families_) {
    for (const Routes& candidates : routes.by_length) total += candidates.size();
  }
  return total;
}

}  // namespace mpquic::peers
