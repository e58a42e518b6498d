#include "policy/plan.h"

#include <algorithm>

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

Plan make_plan(const config::Configuration& configuration, const Surroundings& now) {
  if (const auto* client = configuration.client()) return make_client_plan(*client, now);
  return make_server_plan(*configuration.server(), now);
}

}  // namespace mpquic::policy
