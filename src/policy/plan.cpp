#include "policy/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>

#include "policy/destinations.h"
#include "policy/lan_plan.h"
#include "policy/ruleset.h"

namespace mpquic::policy {
namespace {

using Family = packet::Address::Family;
using system::KernelSlot;
using system::LinkState;

static_assert(config::most_routing_tables <= KernelSlot::size);

constexpr Family families[] = {Family::ipv4, Family::ipv6};

// Of the routes of one of our tables; lower comes first.
constexpr std::uint32_t local_metric = 1;
constexpr std::uint32_t default_metric = 10;
constexpr std::uint32_t fallback_metric = 20;
constexpr std::uint32_t unreachable_metric = 1000;
constexpr std::uint32_t main_table = 254;

packet::Prefix anywhere(Family family) {
  constexpr std::array<std::uint8_t, 16> zeros{};
  return {packet::Address::from_bytes(Bytes(zeros).first(family == Family::ipv4 ? 4 : 16)), 0};
}

std::vector<std::string> names_of_tunnels(const auto& tunnels) {
  std::vector<std::string> names;
  for (const auto& tunnel : tunnels) names.push_back(tunnel.name);
  return names;
}

bool has_address(const config::Tunnel& tunnel, Family family) {
  return std::ranges::any_of(tunnel.addresses, [&](const auto& one) { return one->address.family() == family; });
}

bool any_ipv6(const auto& tunnels) {
  return std::ranges::any_of(tunnels, [](const auto& tunnel) { return has_address(tunnel, Family::ipv6); });
}

/// What both roles write.
class Planner {
 public:
  explicit Planner(const Surroundings& now) : now_(now) {}

  /// `count`: how many numbers there are.
  void number(const std::vector<Destination>& destinations, std::size_t count) {
    std::vector<std::string> keys;
    for (const auto& one : destinations) keys.push_back(destination_key(one.tunnel, one.fallback));
    const Numbers numbers = assign_numbers(keys, now_.numbers, static_cast<std::uint32_t>(count));
    for (const std::string& key : keys) numbers_.push_back(numbers.at(key));
    for (const std::string& chain : chains_of(numbers)) {
      rules_.begin_chain(chain);
      rules_.end_chain();
    }
  }
  std::uint32_t table(std::size_t destination) const { return now_.slot.first() + numbers_[destination]; }
  std::uint32_t mark(std::size_t destination) const { return now_.slot.mark(numbers_[destination]); }

  void rule(Family family, std::uint32_t table, std::uint32_t mark, std::string output_interface) {
    plan_.routing.rules.push_back({.family = family,
                                   .priority = table,
                                   .table = table,
                                   .mark = mark,
                                   .mask = mark != 0 ? KernelSlot::mark_mask : 0,
                                   .output_interface = std::move(output_interface)});
  }

  void forwarding(bool ipv6) {
    plan_.sysctls["net/ipv4/ip_forward"] = "1";
    if (ipv6) plan_.sysctls["net/ipv6/conf/all/forwarding"] = "1";
  }

  /// Packets come in here whose way back is another: a strict reverse path check (RFC 3704, 2.2) becomes a loose one.
  void loosen_reverse_path(const std::string& interface) {
    const std::string name = "net/ipv4/conf/" + interface + "/rp_filter";
    if (now_.sysctl(name) == "1" || now_.sysctl("net/ipv4/conf/all/rp_filter") == "1") plan_.sysctls[name] = "2";
  }

  /// A router takes no advertisements unless told to (accept_ra of the kernel's ip-sysctl.rst).
  void keep_router_advertisements(const std::string& interface) {
    const std::string name = "net/ipv6/conf/" + interface + "/accept_ra";
    if (now_.sysctl(name) == "1") plan_.sysctls[name] = "2";
  }

  /// `packets` out of a tunnel have the connection that they belong to remember it.
  void remember_tunnel(const std::string& tunnel, std::string_view packets, std::uint32_t mark) {
    rules_.add("iifname \"{}\" {}{}", tunnel, packets, set_mark("ct", mark, KernelSlot::mark_mask));
  }

 protected:
  const Surroundings& now_;
  Plan plan_;
  Ruleset rules_;

 private:
  std::vector<std::uint32_t> numbers_;  ///< of the destinations
};

class ClientPlanner : private Planner {
 public:
  ClientPlanner(const config::ClientConfig& client, const Surroundings& now)
      : Planner(now), client_(client), destinations_(destinations_of(client)) {}

  Plan make() {
    plan_devices(client_, now_, plan_);
    for (std::size_t i = 0; i < client_.links.size(); ++i) link_table(i);
    if (!client_.classify.empty()) {
      number(destinations_, KernelSlot::size - client_.links.size());
      find_interfaces();
      for (std::size_t i = 0; i < destinations_.size(); ++i) destination_table(i);
      forwarding(any_ipv6(client_.tunnels));
      for (const auto& tunnel : client_.tunnels) loosen_reverse_path(tunnel.name);
      if (any_ipv6(client_.tunnels)) {
        for (const std::string& interface : link_interfaces()) keep_router_advertisements(interface);
      }
    }
    for (const std::string& interface : link_interfaces()) loosen_reverse_path(interface);
    write_ruleset();
    return std::move(plan_);
  }

 private:
  const config::ClientTunnel& tunnel(const std::string& name) const {
    return *std::ranges::find(client_.tunnels, name, &config::ClientTunnel::name);
  }

  /// Empty: no interface has the address that stands for it.
  std::string interface_of(const config::Link& link) const {
    return link.interface.empty() ? now_.interface_with(link.source->value) : link.interface;
  }

  std::set<std::string> link_interfaces() const {
    std::set<std::string> names;
    for (const auto& link : client_.links) names.insert(interface_of(link));
    names.erase(std::string());
    return names;
  }

  // What is bound to the link leaves by its own gateway, whatever the main table says.
  void link_table(std::size_t i) {
    const config::Link& link = client_.links[i];
    const std::uint32_t number = now_.slot.first() + table_of_link(i);
    const std::string interface = interface_of(link);
    if (interface.empty()) {
      plan_.waiting.push_back(
          fmt::format("link {}: no interface has the address {}", link.name, link.source->value.to_string()));
      return;
    }
    const LinkState state = now_.link(interface);
    for (const Family family : families) rule(family, number, 0, interface);
    if (!state.present && link.vlan) return;  // plan_devices() says what it waits for, if anything
    if (!state.present || !state.up) {
      plan_.waiting.push_back(
          fmt::format("link {}: interface {} {}", link.name, interface, state.present ? "is down" : "does not exist"));
      return;
    }
    for (const packet::Prefix& network : state.networks) {
      plan_.routing.routes.push_back({number, network, local_metric, state.ifindex, std::nullopt});
    }
    plan_.depends_on_leases |= !state.gateway4;
    const auto gateway4 = state.gateway4 ? state.gateway4 : now_.lease_gateway(interface, state);
    for (const auto& gateway : {gateway4, state.gateway6}) {
      if (!gateway) continue;
      plan_.routing.routes.push_back({number, anywhere(gateway->family()), default_metric, state.ifindex, gateway});
    }
    if (!gateway4 && !state.gateway6) {
      plan_.waiting.push_back(fmt::format("link {}: interface {} has no gateway", link.name, interface));
    }
  }

  // The interfaces that each rule's traffic comes in by. All of them are LANs, whether `lans` has them or not.
  void find_interfaces() {
    for (const config::Lan& lan : client_.lans) lans_.insert(lan.interface);
    for (const config::ClassRule& rule : client_.classify) {
      std::vector<std::string> found;
      const auto& traffic = rule.traffic;
      if (traffic.vlans.empty()) {
        for (const auto& interface : traffic.interfaces) found.push_back(interface.value);
      }
      for (const auto& vlan : traffic.vlans) {
        std::vector<std::string> parents;
        for (const auto& interface : traffic.interfaces) parents.push_back(interface.value);
        if (parents.empty()) parents.emplace_back();
        for (const std::string& parent : parents) {
          std::ranges::copy(now_.vlan_interfaces(vlan.value, parent), std::back_inserter(found));
        }
        if (found.empty()) {
          plan_.waiting.push_back(fmt::format("line {}: no interface carries VLAN {}", rule.place.line, vlan.value));
        }
      }
      for (const std::string& interface : found) {
        if (traffic.vlans.empty() && !is_lan(interface) && !now_.link(interface).present) {
          plan_.waiting.push_back(fmt::format("line {}: interface {} does not exist", rule.place.line, interface));
        }
        lans_.insert(interface);
      }
      interfaces_.push_back(std::move(found));
    }
  }

  // What these wait for, plan_devices() says.
  bool is_lan(const std::string& interface) const {
    return std::ranges::find(client_.lans, interface, &config::Lan::interface) != client_.lans.end();
  }

  void destination_table(std::size_t i) {
    const Destination& destination = destinations_[i];
    for (const Family family : families) {
      rule(family, table(i), mark(i), {});
      default_route(table(i), destination.tunnel, family, default_metric);
      if (!destination.fallback.empty()) default_route(table(i), destination.fallback, family, fallback_metric);
      plan_.routing.routes.push_back({table(i), anywhere(family), unreachable_metric, 0, std::nullopt});
    }
    // From one LAN to another the way is the short one.
    for (const std::string& lan : lans_) {
      const LinkState state = now_.link(lan);
      for (const packet::Prefix& network : state.networks) {
        plan_.routing.routes.push_back({table(i), network, local_metric, state.ifindex, std::nullopt});
      }
    }
  }

  void default_route(std::uint32_t table, const std::string& name, Family family, std::uint32_t metric) {
    const LinkState state = now_.link(name);
    if (!state.present || !state.up || !now_.up(name, {}) || !has_address(tunnel(name), family)) return;
    plan_.routing.routes.push_back({table, anywhere(family), metric, state.ifindex, std::nullopt});
  }

  void write_ruleset() {
    if (!client_.classify.empty()) {
      for (std::size_t i = 0; i < destinations_.size(); ++i) {
        rules_.begin_chain(fmt::format("to_{}", i));
        rules_.add("{}", set_mark("meta", mark(i), KernelSlot::mark_mask));
        rules_.add("{}", set_mark("ct", mark(i), KernelSlot::mark_mask));
        rules_.end_chain();
      }
      rules_.begin_chain("classify", "type filter hook prerouting priority mangle");
      // Who speaks from outside is answered by the tunnel that it came from.
      for (std::size_t i = 0; i < client_.tunnels.size(); ++i) {
        remember_tunnel(client_.tunnels[i].name, "ct direction original ", mark(i));
      }
      rules_.add("iifname {} return", quoted_set(names_of_tunnels(client_.tunnels)));
      for (std::size_t i = 0; i < destinations_.size(); ++i) {
        rules_.add("ct mark & {:#010x} == {:#010x} goto to_{}", KernelSlot::mark_mask, mark(i), i);
      }
      for (std::size_t i = 0; i < client_.classify.size(); ++i) write_rule(client_.classify[i], interfaces_[i]);
      rules_.end_chain();
      clamp_mss(rules_, names_of_tunnels(client_.tunnels));
    }
    std::vector<std::string> masqueraded;
    for (const auto& tunnel : client_.tunnels) {
      if (tunnel.masquerade) masqueraded.push_back(tunnel.name);
    }
    if (!masqueraded.empty()) {
      rules_.begin_chain("source_nat", "type nat hook postrouting priority srcnat");
      rules_.add("oifname {} masquerade", quoted_set(masqueraded));
      rules_.end_chain();
    }
    plan_.ruleset = rules_.take();
  }

  void write_rule(const config::ClassRule& rule, const std::vector<std::string>& interfaces) {
    const bool names_interfaces = !rule.traffic.interfaces.empty() || !rule.traffic.vlans.empty();
    if (names_interfaces && interfaces.empty()) return;
    const Destination wanted = destination_of(rule);
    const auto destination = std::ranges::find(destinations_, wanted) - destinations_.begin();
    for (const std::string& match : matches(rule.traffic, interfaces)) rules_.add("{}goto to_{}", match, destination);
  }

  const config::ClientConfig& client_;
  std::vector<Destination> destinations_;
  std::vector<std::vector<std::string>> interfaces_;  ///< of each rule
  std::set<std::string> lans_;
};

class ServerPlanner : private Planner {
 public:
  ServerPlanner(const config::ServerConfig& server, const Surroundings& now) : Planner(now), server_(server) {}

  Plan make() {
    if (marks_connections()) number_tunnels();
    for (std::size_t i = 0; i < server_.tunnels.size(); ++i) return_routes(i);
    if (server_.egress || marks_connections()) {
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
  bool marks_connections() const {
    if (server_.tunnels.size() > 1) return true;
    return std::ranges::any_of(server_.clients, [&](const config::Client& client) {
      return client.name == config::anybody && std::ranges::any_of(client.prefixes, [&](const auto& prefix) {
               return std::ranges::none_of(server_.tunnels,
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
    if (marks_connections()) {
      for (const Family family : families) rule(family, table(i), mark(i), {});
    }
    if (!state.present || !state.up) return;
    for (const config::Client& client : server_.clients) {
      if (!client.may_use(tunnel.name)) continue;
      for (const auto& prefix : client.prefixes) {
        if (in_a_network_of(tunnel, prefix.value)) continue;
        // Those of anybody are wide and shared: they say where packets may come from, not where anybody is.
        if (client.name != config::anybody && first_way(client) == i && !in_any_network(prefix.value)) {
          add_route(main_table, prefix.value, main_metric(i), state.ifindex);
        }
        if (marks_connections()) add_route(table(i), prefix.value, local_metric, state.ifindex);
      }
    }
  }

  void add_route(std::uint32_t table, const packet::Prefix& prefix, std::uint32_t metric, unsigned ifindex) {
    if (prefix.length() != 0) plan_.routing.routes.push_back({table, prefix, metric, ifindex, std::nullopt});
  }

  void write_ruleset() {
    const std::vector<std::string> tunnels = names_of_tunnels(server_.tunnels);
    if (marks_connections()) {
      rules_.begin_chain("return_path", "type filter hook prerouting priority mangle");
      // Answers go where the last packet came from: the client may have fallen back to another tunnel.
      for (std::size_t i = 0; i < tunnels.size(); ++i) remember_tunnel(tunnels[i], "", mark(i));
      rules_.add("iifname {} return", quoted_set(tunnels));
      mark_answers();
      rules_.end_chain();
      // The server's own answers have their route before nftables sees them; another mark has it looked up again.
      rules_.begin_chain("own_answers", "type route hook output priority mangle");
      mark_answers();
      rules_.end_chain();
    }
    if (server_.egress) write_egress(*server_.egress, tunnels);
    plan_.ruleset = rules_.take();
  }

  void mark_answers() {
    for (std::size_t i = 0; i < server_.tunnels.size(); ++i) {
      rules_.add("ct mark & {:#010x} == {:#010x} {}", KernelSlot::mark_mask, mark(i),
                 set_mark("meta", mark(i), KernelSlot::mark_mask));
    }
  }

  void write_egress(const config::Egress& egress, const std::vector<std::string>& tunnels) {
    rules_.begin_chain("forward", "type filter hook forward priority filter");
    rules_.add("oifname {} iifname {} accept", quoted_set(tunnels), quoted_set(tunnels));
    rules_.add("oifname {} ct state established,related accept", quoted_set(tunnels));
    rules_.add("oifname {} ct status dnat accept", quoted_set(tunnels));
    rules_.add("oifname {} drop", quoted_set(tunnels));
    rules_.end_chain();
    clamp_mss(rules_, tunnels);
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
      rules_.add("iifname \"{}\" meta nfproto {} meta l4proto {} th dport {} dnat {} to {}{}", egress.interface,
                 ipv4 ? "ipv4" : "ipv6", forward.protocol, forward.ports.to_string(), ipv4 ? "ip" : "ip6", host,
                 forward.to_port ? fmt::format(":{}", *forward.to_port) : "");
    }
    rules_.end_chain();
  }

  const config::ServerConfig& server_;
};

}  // namespace

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
  if (const auto* client = configuration.client()) return ClientPlanner(*client, now).make();
  return ServerPlanner(*configuration.server(), now).make();
}

}  // namespace mpquic::policy
