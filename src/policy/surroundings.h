#pragma once

#include <functional>
#include <string>

#include "policy/keeper.h"
#include "policy/plan.h"
#include "system/dhcp_lease.h"
#include "system/link_table.h"

namespace mpquic::policy {

/// As the kernel is now. What is returned is good as long as `keeper` and `links` are.
inline Surroundings surroundings(Keeper& keeper, const system::LinkTable& links,
                                 std::function<bool(const std::string& tunnel, const std::string& client)> up,
                                 std::function<HandedOut(const std::string& tunnel)> handed_out) {
  return {.slot = keeper.slot(),
          .numbers = keeper.numbers(),
          .link = [&links](std::string_view name) { return links.state(name); },
          .interface_with = [&links](const packet::Address& address) { return links.interface_with(address); },
          .vlan_interfaces = [&links](unsigned vlan,
                                      std::string_view parent) { return links.vlan_interfaces(vlan, parent); },
          .no_vlans = [&keeper] { return keeper.no_vlans(); },
          .has_default_route = [&links] { return links.has_default_route(); },
          .sysctl = [&keeper](const std::string& name) { return keeper.original(name); },
          .lease_gateway = [](std::string_view interface,
                              const system::LinkState& state) { return system::lease_gateway(interface, state); },
          .up = std::move(up),
          .handed_out = std::move(handed_out)};
}

}  // namespace mpquic::policy
