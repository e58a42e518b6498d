#include "policy/handed_out.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mpquic::policy {
namespace {

// A server may advertise the internet's table; a box has no use for it.
constexpr std::size_t most_routes = 4096;

constexpr std::array<std::string_view, 7> never_routed = {"127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
                                                          "::1/128",     "fe80::/10",      "ff00::/8"};

bool may_be_routed(const packet::Prefix& prefix) {
  return std::ranges::none_of(never_routed,
                              [&](std::string_view text) { return packet::Prefix::parse(text)->contains(prefix); });
}

}  // namespace

std::vector<packet::Prefix> accepted_routes(const std::vector<packet::Prefix>& advertised,
                                            const std::vector<packet::Prefix>& accepted) {
  std::vector<packet::Prefix> routes;
  for (const packet::Prefix& route : advertised) {
    for (const packet::Prefix& wide : accepted) {
      if (!wide.overlaps(route)) continue;
      const packet::Prefix& narrower = wide.contains(route) ? route : wide;
      if (may_be_routed(narrower)) routes.push_back(narrower);
    }
  }
  std::ranges::sort(routes);
  const auto repeated = std::ranges::unique(routes);
  routes.erase(repeated.begin(), repeated.end());
  if (routes.size() > most_routes) routes.resize(most_routes);
  return routes;
}

}  // namespace mpquic::policy
