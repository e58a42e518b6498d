// The links: what a WAN interface lacks to carry a tunnel.
#include <algorithm>
#include <iterator>
#include <set>

#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

using Family = packet::Address::Family;

/// A link and one family of server addresses that it is to reach.
struct Use {
  const config::Link* link;
  std::set<packet::SocketAddress> servers;
  bool needed;  ///< a tunnel goes over it, even if its server's name has no address
};

// Of a name's addresses those that the link has a family for are enough, if there are any.
std::vector<packet::SocketAddress> needed_of(const config::Path& path, const system::LinkState& state,
                                             const Observations& seen) {
  const auto all = seen.servers_of(path);
  std::vector<packet::SocketAddress> within_reach;
  std::ranges::copy_if(all, std::back_inserter(within_reach), [&](const packet::SocketAddress& server) {
    return std::ranges::any_of(state.addresses,
                               [&](const packet::Address& own) { return own.family() == server.address.family(); });
  });
  return within_reach.empty() ? all : within_reach;
}

std::vector<Use> uses_of(const config::ClientConfig& client, const Observations& seen) {
  std::vector<Use> uses;
  for (const auto& link : client.links) {
    Use use{&link, {}, false};
    for (const auto& tunnel : client.tunnels) {
      for (const auto& path : tunnel.paths) {
        if (path.link.value != link.name) continue;
        use.needed = true;
        const auto servers = needed_of(path, seen.links.state(link.interface), seen);
        use.servers.insert(servers.begin(), servers.end());
      }
    }
    if (use.needed) uses.push_back(std::move(use));
  }
  return uses;
}

bool answered(const Observations& seen, const std::string& link, const packet::SocketAddress& server) {
  return std::ranges::any_of(seen.paths, [&](const ProbedPath& path) {
    return path.link == link && path.server == server && path.outcome == ProbedPath::Outcome::answered;
  });
}

void examine_server(const config::Link& link, const system::LinkState& state, const packet::SocketAddress& server,
                    const Observations& seen, Findings& findings) {
  const std::string& name = link.interface;
  const Family family = server.address.family();
  const std::string version = family == Family::ipv4 ? "IPv4" : "IPv6";
  const auto is_of_family = [&](const packet::Address& address) { return address.family() == family; };
  if (link.source && std::ranges::find(state.addresses, link.source->value) == state.addresses.end()) {
    std::string there;
    for (const auto& address : state.addresses) there += " " + address.to_string();
    findings.push_back({Severity::problem,
                        fmt::format("link {}: interface {} has no address {}{}{}", link.name, name,
                                    link.source->value.to_string(), there.empty() ? "" : ", but", there),
                        fmt::format("links: {}: leave `address` out, or name one that is there", link.name)});
    return;
  }
  if (std::ranges::none_of(state.addresses, is_of_family)) {
    findings.push_back({Severity::problem,
                        fmt::format("link {}: interface {} has no {} address, as the server {} needs", link.name, name,
                                    version, server.to_string()),
                        fmt::format("ip address add ADDRESS/LENGTH dev {}, or see why DHCP gives none", name)});
    return;
  }
  const bool lease = family == Family::ipv4 && seen.leases.contains(name);
  // A route to the server alone will do: what has answered has a way.
  if (has_way(seen, name, server.address) || answered(seen, link.name, server)) return;
  if (lease) {
    if (seen.node) return;
    findings.push_back({Severity::ok,
                        fmt::format("link {}: interface {} has a gateway in its DHCP lease only, {}: mpquic sets the "
                                    "route when it runs",
                                    link.name, name, seen.leases.find(name)->second.to_string()),
                        {}});
    return;
  }
  findings.push_back(
      {Severity::problem,
       fmt::format("link {}: interface {} has no {} gateway, neither from the kernel nor from a DHCP "
                   "lease: the server {} is out of reach",
                   link.name, name, version, server.to_string()),
       fmt::format("ip {}route add default via GATEWAY dev {} metric 100", family == Family::ipv4 ? "" : "-6 ", name)});
}

}  // namespace

bool has_way(const Observations& seen, std::string_view interface, const packet::Address& server) {
  const system::LinkState state = seen.links.state(interface);
  if (server.is_ipv4() ? state.gateway4.has_value() : state.gateway6.has_value()) return true;
  return std::ranges::any_of(state.networks, [&](const packet::Prefix& network) { return network.contains(server); });
}

void examine_links(const config::ClientConfig& client, const Observations& seen, Findings& findings) {
  for (const Use& use : uses_of(client, seen)) {
    const config::Link& link = *use.link;
    const system::LinkState state = seen.links.state(link.interface);
    const auto problem = [&](std::string_view what, std::string mend) {
      findings.push_back({Severity::problem, fmt::format("link {}: interface {} {}", link.name, link.interface, what),
                          std::move(mend)});
    };
    if (link.interface.empty()) {
      findings.push_back(
          {Severity::problem,
           fmt::format("link {}: no interface has the address {}", link.name, link.source->value.to_string()),
           "ip address shows what there is"});
    } else if (!state.present) {
      problem("does not exist", fmt::format("ip link shows what there is; links: {}: interface", link.name));
    } else if (!state.up) {
      problem("is down", fmt::format("ip link set {} up", link.interface));
    } else if (!state.carrier) {
      problem("has no carrier", "the cable, the modem, or the other end");
    } else {
      for (const auto& server : use.servers) examine_server(link, state, server, seen, findings);
    }
  }
}

}  // namespace mpquic::doctor
