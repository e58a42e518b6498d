#include "policy/client_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "policy/advertised_plan.h"
#include "policy/lan_plan.h"
#include "policy/planner.h"

namespace mpquic::policy {
namespace {

using Family = packet::Address::Family;
using system::KernelSlot;
using system::LinkState;

// Of the routes of one of our tables, behind local_metric.
constexpr std::uint32_t default_metric = 10;
constexpr std::uint32_t fallback_metric = 20;
constexpr std::uint32_t unreachable_metric = 1000;

static_assert(config::most_routing_tables <= KernelSlot::size);

class ClientPlanner : private Planner {
 public:
  ClientPlanner(const config::ClientConfig& client, const std::optional<config::Management>& management,
                const Surroundings& now)
      : Planner(now), client_(client), management_(management), destinations_(destinations_of(client)) {}

  Plan make() {
    plan_devices(client_, now_, plan_);
    for (std::size_t i = 0; i < client_.links.size(); ++i) link_table(i);
    if (!client_.classify.empty()) {
      number(destinations_, count_for_destinations(client_));
      find_interfaces();
      for (std::size_t i = 0; i < destinations_.size(); ++i) destination_table(i);
      const bool ipv6 =
          std::ranges::any_of(client_.tunnels, [&](const auto& one) { return carries(one, Family::ipv6); });
      forwarding(ipv6);
      if (ipv6) {
        for (const std::string& interface : link_interfaces()) keep_router_advertisements(interface);
      }
    }
    plan_advertised(client_, management_, tables_of_tunnels(), now_, plan_);
    for (const auto& tunnel : client_.tunnels) {
      const bool takes_routes = tunnel.speaks(config::Alpn::h3) && !tunnel.accept_routes.empty();
      if (takes_routes || !client_.classify.empty()) loosen_reverse_path(tunnel.name);
    }
    for (const std::string& interface : link_interfaces()) loosen_reverse_path(interface);
    write_ruleset();
    return std::move(plan_);
  }

 private:
  /// Without rules nothing has numbers that would have to last.
  std::vector<std::uint32_t> tables_of_tunnels() const {
    std::vector<std::uint32_t> tables;
    for (std::uint32_t i = 0; i < client_.tunnels.size(); ++i) {
      tables.push_back(client_.classify.empty() ? now_.slot.first() + i : table(i));
    }
    return tables;
  }

  const config::ClientTunnel& tunnel(const std::string& name) const {
    return *std::ranges::find(client_.tunnels, name, &config::ClientTunnel::name);
  }

  /// Over h3 a tunnel has what it is given, whatever it asks for.
  bool carries(const config::ClientTunnel& one, Family family) const {
    return one.speaks(config::Alpn::h3) ? has_address(now_.handed_out(one.name), family) : has_address(one, family);
  }

  std::set<std::string> link_interfaces() const {
    std::set<std::string> names;
    for (const auto& link : client_.links) names.insert(interface_of(link, now_));
    names.erase(std::string());
    return names;
  }

  // What is bound to the link leaves by its own gateway, whatever the main table says.
  void link_table(std::size_t i) {
    const config::Link& link = client_.links[i];
    const std::uint32_t number = now_.slot.first() + table_of_link(client_, i);
    const std::string interface = interface_of(link, now_);
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
      plan_.routing.routes.push_back(
          {number, packet::Prefix::everything(gateway->family()), default_metric, state.ifindex, gateway});
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
        const std::size_t before = found.size();
        for (const std::string& parent : parents) {
          std::ranges::copy(now_.vlan_interfaces(vlan.value, parent), std::back_inserter(found));
        }
        if (found.size() == before) {
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
      plan_.routing.routes.push_back(
          {table(i), packet::Prefix::everything(family), unreachable_metric, 0, std::nullopt});
    }
    // From one LAN to another the way is the short one.
    for (const std::string& lan : lans_) {
      const LinkState state = now_.link(lan);
      if (!state.up) continue;  // its addresses are still there, and no route can be made
      for (const packet::Prefix& network : state.networks) {
        plan_.routing.routes.push_back({table(i), network, local_metric, state.ifindex, std::nullopt});
      }
    }
  }

  void default_route(std::uint32_t table, const std::string& name, Family family, std::uint32_t metric) {
    const LinkState state = now_.link(name);
    if (!state.present || !state.up || !now_.up(name, {}) || !carries(tunnel(name), family)) return;
    plan_.routing.routes.push_back({table, packet::Prefix::everything(family), metric, state.ifindex, std::nullopt});
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
      // The box's own answers have their route before nftables sees them; a mark has it looked up again.
      rules_.begin_chain("own_answers", "type route hook output priority mangle");
      for (std::size_t i = 0; i < destinations_.size(); ++i) mark_by_connection(i, "ct direction reply ");
      rules_.end_chain();
      clamp_mss(client_.tunnels);
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
  const std::optional<config::Management>& management_;
  std::vector<Destination> destinations_;
  std::vector<std::vector<std::string>> interfaces_;  ///< of each rule
  std::set<std::string> lans_;
};

}  // namespace

Plan make_client_plan(const config::ClientConfig& client, const std::optional<config::Management>& management,
                      const Surroundings& now) {
  return ClientPlanner(client, management, now).make();
}

}  // namespace mpquic::policy
