#include "policy/plan.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "policy/client_plan.h"
#include "policy/lan_plan.h"
#include "policy/server_plan.h"

namespace mpquic::policy {

std::set<std::string> interfaces_of(const config::Configuration& configuration) {
  std::set<std::string> names;
  if (const auto* client = configuration.client()) {
    for (const auto& link : client->links) {
      if (!link.interface.empty()) names.insert(link.interface);
    }
    for (const auto& lan : client->lans) names.insert(lan.interface);
    for (const auto& tunnel : client->tunnels) names.insert(tunnel.name);
    for (const auto& rule : client->classify) {
      for (const auto& interface : rule.traffic.interfaces) names.insert(interface.value);
    }
  }
  if (const auto* server = configuration.server()) {
    for (const auto& tunnel : server->tunnels) names.insert(tunnel.name);
    if (server->egress) names.insert(server->egress->interface);
  }
  return names;
}

bool is_essential(const config::Configuration& configuration) {
  if (const auto* client = configuration.client()) {
    return !client->classify.empty() || wants_devices(*client) ||
           std::ranges::any_of(client->tunnels, &config::ClientTunnel::masquerade);
  }
  return configuration.server()->egress.has_value();
}

namespace {

// The kernel has one of a place: two LANs of one network, a prefix that is named twice.
void keep_one_of_each_place(std::vector<system::PolicyRoute>& routes) {
  std::set<std::tuple<std::uint32_t, packet::Prefix, std::uint32_t>> taken;
  std::erase_if(routes, [&](const system::PolicyRoute& route) {
    return !taken.emplace(route.table, route.destination, route.metric).second;
  });
}

}  // namespace

Plan make_plan(const config::Configuration& configuration, const Surroundings& now) {
  const auto* client = configuration.client();
  Plan plan = client != nullptr ? make_client_plan(*client, configuration.management, now)
                                : make_server_plan(*configuration.server(), now);
  keep_one_of_each_place(plan.routing.routes);
  return plan;
}

}  // namespace mpquic::policy
