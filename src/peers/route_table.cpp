#include "peers/route_table.h"

namespace mpquic::peers {

void RouteTable::set(const packet::Prefix& prefix, PathRef path) {
  Family& routes = family(prefix.address());
  routes.by_length[prefix.length()][prefix.address()] = path;
  routes.used[prefix.length()] = true;
}

void RouteTable::remove(const packet::Prefix& prefix) {
  Family& routes = family(prefix.address());
  routes.by_length[prefix.length()].erase(prefix.address());
  routes.used[prefix.length()] = !routes.by_length[prefix.length()].empty();
}

std::optional<PathRef> RouteTable::find(const packet::Address& destination) const {
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
