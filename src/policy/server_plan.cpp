#include "policy/server_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/planner.h"

namespace mpquic::policy {
namespace {

using Family = packet::Address::Family;
using system::KernelSlot;
using system::LinkState;

class ServerPlanner : private Planner {
 public:
  ServerPlanner(const config::ServerConfig& server, const Surroundings& now)
      : Planner(now), server_(server), marks_connections_(marks_connections(server)) {}

  Plan make() {
    if (marks_connections_) number_tunnels();
    for (std::size_t i = 0; i < server_.tunnels.size(); ++i) return_routes(i);
    if (server_.egress || marks_connections_) {
      for (const auto& tunnel : server_.tunnels) loosen_reverse_path(tunnel.name);
    }
    if (server_.egress) {
      forwarding(any_ipv6(server_.tunnels));
      keep_router_advertisements(server_.egress->interface);
      if (!now_.link(server_.egress->interface).present) {
        plan_.waiting.push_back(fmt::format("egress: interface {} does not exist", server_.egress->interface));
      }
    }
    write_ruleset();
    return std::move(plan_);
  }

 private:
  /// Whether answers find their tunnel by their connection: there are several, or some prefixes have no other way.
  static bool marks_connections(const config::ServerConfig& server) {
    if (server.tunnels.size() > 1) return true;
    return std::ranges::any_of(server.clients, [&](const config::Client& client) {
      return client.name == config::anybody && std::ranges::any_of(client.prefixes, [&](const auto& prefix) {
               return std::ranges::none_of(server.tunnels,
                                           [&](const auto& tunnel) { return in_a_network_of(tunnel, prefix.value); });
             });
    });
  }

  /// Another for each tunnel of the machine, so that routes of two nodes never have the same place.
  std::uint32_t main_metric(std::size_t tunnel) const { return now_.slot.first() + static_cast<std::uint32_t>(tunnel); }

  void number_tunnels() {
    std::vector<Destination> destinations;
    for (const auto& tunnel : server_.tunnels) destinations.push_back({tunnel.name, {}});
    number(destinations, KernelSlot::size);
  }

  static bool in_a_network_of(const config::Tunnel& tunnel, const packet::Prefix& prefix) {
    return std::ranges::any_of(tunnel.addresses, [&](const auto& one) { return one->network().contains(prefix); });
  }

  /// The first tunnel that the client is connected to, or may use at all.
  std::size_t first_way(const config::Client& client) const {
    const auto& tunnels = server_.tunnels;
    const auto may_use = [&](const auto& one) { return client.may_use(one.name); };
    auto first =
        std::ranges::find_if(tunnels, [&](const auto& one) { return may_use(one) && now_.up(one.name, client.name); });
    if (first == tunnels.end()) first = std::ranges::find_if(tunnels, may_use);
    return static_cast<std::size_t>(first - tunnels.begin());
  }

  bool in_any_network(const packet::Prefix& prefix) const {
    return std::ranges::any_of(server_.tunnels, [&](const auto& one) { return in_a_network_of(one, prefix); });
  }

  // What clients own behind their tunnel addresses. The main table leads to the client's first tunnel; what belongs to
  // a connection out of another tunnel goes back into that one.
  void return_routes(std::size_t i) {
    const config::ServerTunnel& tunnel = server_.tunnels[i];
    const LinkState state = now_.link(tunnel.name);
    if (marks_connections_) {
      for (const Family family : families) rule(family, table(i), mark(i), {});
    }
    if (!state.present || !state.up) return;
    for (const config::Client& client : server_.clients) {
      if (!client.may_use(tunnel.name)) continue;
      // Those of anybody are wide and shared: they say where packets may come from, not where anybody is.
      const bool by_main_table = client.name != config::anybody && first_way(client) == i;
      for (const auto& prefix : client.prefixes) {
        if (in_a_network_of(tunnel, prefix.value)) continue;
        if (by_main_table && !in_any_network(prefix.value)) {
          add_route(main_table, prefix.value, main_metric(i), state.ifindex);
        }
        if (marks_connections_) add_route(table(i), prefix.value, local_metric, state.ifindex);
      }
    }
  }

  void add_route(std::uint32_t table, const packet::Prefix& prefix, std::uint32_t metric, unsigned ifindex) {
    if (prefix.length() != 0) plan_.routing.routes.push_back({table, prefix, metric, ifindex, std::nullopt});
  }

  void write_ruleset() {
    const std::vector<std::string> tunnels = names_of_tunnels(server_.tunnels);
    if (marks_connections_) {
      rules_.begin_chain("return_path", "type filter hook prerouting priority mangle");
      // Answers go where the last packet came from: the client may have fallen back to another tunnel.
      for (std::size_t i = 0; i < tunnels.size(); ++i) remember_tunnel(tunnels[i], "", mark(i));
      rules_.add("iifname {} return", quoted_set(tunnels));
      for (std::size_t i = 0; i < tunnels.size(); ++i) mark_by_connection(i);
      rules_.end_chain();
      // The server's own answers have their route before nftables sees them; another mark has it looked up again.
      rules_.begin_chain("own_answers", "type route hook output priority mangle");
      for (std::size_t i = 0; i < tunnels.size(); ++i) mark_by_connection(i);
      rules_.end_chain();
    }
    if (server_.egress) write_egress(*server_.egress, tunnels);
    plan_.ruleset = rules_.take();
  }

  void write_egress(const config::Egress& egress, const std::vector<std::string>& tunnels) {
    rules_.begin_chain("forward", "type filter hook forward priority filter");
    // Workers see to it that clients do not reach each other; what came past them does not, either.
    rules_.add("oifname {} iifname {} {}", quoted_set(tunnels), quoted_set(tunnels),
               server_.between_clients ? "accept" : "reject with icmpx type admin-prohibited");
    rules_.add("oifname {} ct state established,related accept", quoted_set(tunnels));
    rules_.add("oifname {} ct status dnat accept", quoted_set(tunnels));
    rules_.add("oifname {} drop", quoted_set(tunnels));
    rules_.end_chain();
    clamp_mss(server_.tunnels);
    if (egress.masquerade) {
      rules_.begin_chain("source_nat", "type nat hook postrouting priority srcnat");
      rules_.add("iifname {} oifname \"{}\" masquerade", quoted_set(tunnels), egress.interface);
      rules_.end_chain();
    }
    if (server_.forwards.empty()) return;
    rules_.begin_chain("port_forwards", "type nat hook prerouting priority dstnat");
    for (const config::PortForward& forward : server_.forwards) {
      const bool ipv4 = forward.to->is_ipv4();
      const std::string host = ipv4 ? forward.to->to_string() : "[" + forward.to->to_string() + "]";
      // To the server itself: what it routes for clients may come in here too.
      rules_.add("iifname \"{}\" meta nfproto {} fib daddr type local meta l4proto {} th dport {} dnat {} to {}{}",
                 egress.interface, ipv4 ? "ipv4" : "ipv6", forward.protocol, forward.ports.to_string(),
                 ipv4 ? "ip" : "ip6", host, forward.to_port ? fmt::format(":{}", *forward.to_port) : "");
    }
    rules_.end_chain();
  }

  const config::ServerConfig& server_;
  const bool marks_connections_;
};

}  // namespace

Plan make_server_plan(const config::ServerConfig& server, const Surroundings& now) {
  return ServerPlanner(server, now).make();
}

}  // namespace mpquic::policy
