#include "config/check_paths.h"

#include <algorithm>

namespace mpquic::config {
namespace {

bool needs_h3(PathPolicy policy) { return policy == PathPolicy::bonded || policy == PathPolicy::redundant; }

// The server joins what registers one address (mpquic-ip) or shows one token (h3), and neither with the other.
void check_protocols(const ClientTunnel& tunnel, Problems& problems) {
  for (const Path& path : tunnel.paths) {
    const Path& first = tunnel.paths.front();
    if (path.alpn == first.alpn) continue;
    problems.error(path.link.place, "the links of tunnel {} need the same alpn: {} has {}, {} has {}",
                   in_quotes(tunnel.name), in_quotes(first.link.value), name(first.alpn), in_quotes(path.link.value),
                   name(path.alpn));
    return;
  }
}

void check_policy(const Located<PathPolicy>& policy, const ClientTunnel& tunnel, Problems& problems) {
  if (!needs_h3(policy.value) || !tunnel.speaks(Alpn::mpquic_ip) || tunnel.speaks(Alpn::h3)) return;
  problems.error(policy.place, "policy: {} needs alpn: h3, and tunnel {} has mpquic-ip: failover or balanced",
                 name(policy.value), in_quotes(tunnel.name));
}

void check_tunnel(const ClientTunnel& tunnel, Problems& problems) {
  if (tunnel.paths.size() > most_paths) {
    problems.error(tunnel.paths[most_paths].link.place, "tunnel {} goes over {} links, and can over {}",
                   in_quotes(tunnel.name), tunnel.paths.size(), most_paths);
  }
  check_protocols(tunnel, problems);
  if (tunnel.policy) check_policy(*tunnel.policy, tunnel, problems);
}

void check_rule(const ClassRule& rule, const ClientConfig& client, Problems& problems) {
  const auto tunnel = std::ranges::find(client.tunnels, rule.tunnel.value, &ClientTunnel::name);
  if (!rule.policy || tunnel == client.tunnels.end()) return;
  check_policy(*rule.policy, *tunnel, problems);
  // It is found again in the packets that come out of the tunnel's device: behind routing, and behind masquerading.
  if (!rule.traffic.interfaces.empty() || !rule.traffic.vlans.empty()) {
    problems.error(
        rule.policy->place,
        "a rule with a policy can't ask for interfaces or VLANs: say its traffic by addresses, ports or dscp");
  }
  if (tunnel->masquerade && (!rule.traffic.sources.empty() || !rule.traffic.source_ports.empty())) {
    problems.error(rule.policy->place,
                   "a rule with a policy can't ask for sources, since tunnel {} masquerades: say its traffic by "
                   "destinations, ports or dscp",
                   in_quotes(tunnel->name));
  }
  if (tunnel->policy) return;
  problems.warning(rule.policy->place, "policy has no effect: tunnel {} goes over one link alone",
                   in_quotes(tunnel->name));
}

void check_tunnel(const ServerTunnel& tunnel, Problems& problems) {
  if (!tunnel.policy || !needs_h3(tunnel.policy->value) || tunnel.speaks(Alpn::h3)) return;
  problems.error(tunnel.policy->place, "policy: {} needs alpn: h3, and tunnel {} has mpquic-ip: failover or balanced",
                 name(tunnel.policy->value), in_quotes(tunnel.name));
}

}  // namespace

void check_paths(const Configuration& configuration, Problems& problems) {
  if (const auto* client = configuration.client()) {
    for (const ClientTunnel& tunnel : client->tunnels) check_tunnel(tunnel, problems);
    for (const ClassRule& rule : client->classify) check_rule(rule, *client, problems);
  }
  if (const auto* server = configuration.server()) {
    for (const ServerTunnel& tunnel : server->tunnels) check_tunnel(tunnel, problems);
  }
}

}  // namespace mpquic::config
