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

std::optional<AdvertisedNumbers> advertised_numbers(const config::ClientConfig& client) {
  constexpr std::uint32_t end = system::KernelSlot::size;
  static_assert(config::tables_for_advertised_routes == 3);
  if (!client.speaks(config::Alpn::h3)) return std::nullopt;
  return AdvertisedNumbers{.nearer = end - 3, .addressed = end - 2, .table = end - 1};
}

namespace {

std::uint32_t end_of_links(const config::ClientConfig& client) {
  const auto advertised = advertised_numbers(client);
  return advertised ? advertised->nearer : system::KernelSlot::size;
}

}  // namespace

std::uint32_t table_of_link(const config::ClientConfig& client, std::size_t link) {
  return end_of_links(client) - 1 - static_cast<std::uint32_t>(link);
}

std::uint32_t count_for_destinations(const config::ClientConfig& client) {
  return end_of_links(client) - static_cast<std::uint32_t>(client.links.size());
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
    for (std::size_t i = 0; i < client->links.size(); ++i) {
      purposes[table_of_link(*client, i)] = "link." + client->links[i].name;
    }
    if (const auto advertised = advertised_numbers(*client)) purposes[advertised->table] = "advertised";
  }
  // A server with one tunnel needs none.
  if (const auto* server = configuration.server(); server != nullptr && server->tunnels.size() > 1) {
    for (const config::Tunnel& tunnel : server->tunnels) add_tunnel(tunnel.name, {});
  }
  return purposes;
}

}  // namespace mpquic::policy
