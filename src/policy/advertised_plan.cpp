#include "policy/advertised_plan.h"

#include <algorithm>
#include <set>
#include <string>

#include "policy/planner.h"

namespace mpquic::policy {
namespace {

using Family = packet::Address::Family;
using system::KernelSlot;
using system::LinkState;
using system::PolicyRule;

// Of two tunnels that advertise the same the first in the file is taken, the other is there when that one goes down.
constexpr std::uint32_t first_metric = 10;

class AdvertisedPlanner {
 public:
  AdvertisedPlanner(const AdvertisedNumbers& numbers, const Surroundings& now, Plan& plan)
      : numbers_(numbers), now_(now), plan_(plan) {}

  bool usable(const config::ClientTunnel& tunnel) const {
    const LinkState state = now_.link(tunnel.name);
    return state.present && state.up && now_.up(tunnel.name, {});
  }

  void add_routes(const config::ClientTunnel& tunnel, std::size_t rank) {
    add_routes(tunnel, table(), first_metric + static_cast<std::uint32_t>(rank));
  }

  /// What comes from one of the tunnel's own addresses goes into that tunnel, whichever of several is taken otherwise:
  /// at the server it would be foreign in another. `where`: the tunnel's own table, which has its routes already if
  /// rules lead to it.
  void add_own_way(const config::ClientTunnel& tunnel, std::uint32_t where, bool has_routes) {
    if (!has_routes) add_routes(tunnel, where, first_metric);
    for (const auto& own : now_.handed_out(tunnel.name).addresses) add_from(own.address, where);
  }

  void add_rules() {
    for (const Family family : families_) {
      PolicyRule nearer = rule(family, numbers_.nearer, main_table);
      nearer.ignores_defaults = true;
      plan_.routing.rules.push_back(nearer);
      plan_.routing.rules.push_back(rule(family, numbers_.table, table()));
    }
  }

  /// What comes from an address of this interface is looked up in this table.
  void add_addressed(const std::string& interface, std::uint32_t where) {
    for (const packet::Address& address : now_.link(interface).addresses) add_from(address, where);
  }

 private:
  void add_routes(const config::ClientTunnel& tunnel, std::uint32_t where, std::uint32_t metric) {
    if (!usable(tunnel)) return;
    const HandedOut given = now_.handed_out(tunnel.name);
    for (const packet::Prefix& route : accepted_routes(given.routes, tunnel.accept_routes)) {
      const Family family = route.address().family();
      if (!has_address(given, family)) continue;
      plan_.routing.routes.push_back({where, route, metric, now_.link(tunnel.name).ifindex, std::nullopt});
      families_.insert(family);
    }
  }

  void add_from(const packet::Address& address, std::uint32_t where) {
    if (!families_.contains(address.family())) return;
    PolicyRule from = rule(address.family(), numbers_.addressed, where);
    from.source = packet::Prefix(address);
    // Two links may share an interface: the first has what comes from it.
    const bool is_new =
        std::ranges::find(plan_.routing.rules, from.source, &PolicyRule::source) == plan_.routing.rules.end();
    if (is_new) plan_.routing.rules.push_back(std::move(from));
  }

  std::uint32_t table() const { return now_.slot.first() + numbers_.table; }

  // What has a mark has a tunnel already, be it of another node.
  PolicyRule rule(Family family, std::uint32_t number, std::uint32_t where) const {
    return {.family = family,
            .priority = now_.slot.first() + number,
            .table = where,
            .mark = 0,
            .mask = KernelSlot::mark_mask,
            .output_interface = {}};
  }

  const AdvertisedNumbers& numbers_;
  const Surroundings& now_;
  Plan& plan_;
  std::set<Family> families_;  ///< that have any routes
};

}  // namespace

void plan_advertised(const config::ClientConfig& client, const std::optional<config::Management>& management,
                     std::span<const std::uint32_t> tables, const Surroundings& now, Plan& plan) {
  const auto numbers = advertised_numbers(client);
  if (!numbers) return;
  AdvertisedPlanner planner(*numbers, now, plan);
  for (std::size_t i = 0; i < client.tunnels.size(); ++i) {
    if (client.tunnels[i].speaks(config::Alpn::h3)) planner.add_routes(client.tunnels[i], i);
  }
  planner.add_rules();
  const auto is_one = [&](const config::ClientTunnel& tunnel) {
    return tunnel.speaks(config::Alpn::h3) && planner.usable(tunnel);
  };
  const bool several = std::ranges::count_if(client.tunnels, is_one) > 1;
  for (std::size_t i = 0; several && i < client.tunnels.size(); ++i) {
    if (is_one(client.tunnels[i])) planner.add_own_way(client.tunnels[i], tables[i], !client.classify.empty());
  }
  for (std::size_t i = 0; i < client.links.size(); ++i) {
    planner.add_addressed(interface_of(client.links[i], now), now.slot.first() + table_of_link(client, i));
  }
  if (management) planner.add_addressed(management->interface, main_table);
}

}  // namespace mpquic::policy
