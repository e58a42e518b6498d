#include "policy/destinations.h"

#include <algorithm>

#include "system/kernel_slot.h"

namespace mpquic::policy {

Destination destination_of(const config::ClassRule& rule) {
  return {rule.tunnel.value, rule.fallback ? rule.fallback->value : std::string()};
}

std::vector<Destination> destinations_of(const config::ClientConfig& client) {
  std::vector<Destination> destinations;
  for (const auto& tunnel : client.tunnels) destinations.push_back({tunnel.name, {}});
  for (const auto& rule : client.classify) {
    const Destination one = destination_of(rule);
    if (std::ranges::find(destinations, one) == destinations.end()) destinations.push_back(one);
  }
  std::sort(destinations.begin() + static_cast<std::ptrdiff_t>(client.tunnels.size()), destinations.end());
  return destinations;
}

std::uint32_t table_of_link(std::size_t link) {
  return system::KernelSlot::size - 1 - static_cast<std::uint32_t>(link);
}

std::map<std::uint32_t, std::string> table_purposes(const config::Configuration& configuration) {
  std::map<std::uint32_t, std::string> purposes;
  const auto add_tunnel = [&](const std::string& tunnel, const std::string& fallback) {
    const auto number = static_cast<std::uint32_t>(purposes.size());
    purposes[number] = fallback.empty() ? "tunnel." + tunnel : "tunnel." + tunnel + ".or." + fallback;
  };
  if (const auto* client = configuration.client()) {
    for (const Destination& destination : destinations_of(*client))
      add_tunnel(destination.tunnel, destination.fallback);
    for (std::size_t i = 0; i < client->links.size(); ++i) purposes[table_of_link(i)] = "link." + client->links[i].name;
  }
  // A server with one tunnel needs none.
  if (const auto* server = configuration.server(); server != nullptr && server->tunnels.size() > 1) {
    for (const config::Tunnel& tunnel : server->tunnels) add_tunnel(tunnel.name, {});
  }
  return purposes;
}

}  // namespace mpquic::policy
