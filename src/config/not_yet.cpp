#include "config/not_yet.h"

namespace mpquic::config {
namespace {

void refuse(const std::optional<Located<PathPolicy>>& policy, Problems& problems) {
  if (policy) problems.error(policy->place, "\"policy\" is not supported by this version");
}

}  // namespace

std::vector<Problem> not_yet(const Configuration& configuration) {
  Problems problems;
  if (const auto* client = configuration.client()) {
    for (const ClientTunnel& tunnel : client->tunnels) {
      if (tunnel.paths.size() > 1) {
        problems.error(tunnel.paths[1].link.place, "more than one link per tunnel is not supported by this version");
      } else {
        refuse(tunnel.policy, problems);
      }
    }
    for (const ClassRule& rule : client->classify) refuse(rule.policy, problems);
  }
  if (const auto* server = configuration.server()) {
    for (const ServerTunnel& tunnel : server->tunnels) refuse(tunnel.policy, problems);
  }
  return problems.errors();
}

}  // namespace mpquic::config
