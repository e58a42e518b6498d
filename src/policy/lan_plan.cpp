#include "policy/lan_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace mpquic::policy {
namespace {

/// Why the VLAN's device neither is there nor can be made; empty: one or the other.
std::string obstacle(const config::Vlan& vlan, const Surroundings& now) {
  if (now.link(vlan.device()).present) return {};
  if (!now.link(vlan.parent).present) return fmt::format("interface {} does not exist", vlan.parent);
  // A parent has each VLAN once, whatever its device is called.
  if (const auto others = now.vlan_interfaces(vlan.id, vlan.parent); !others.empty()) {
    return fmt::format("it is that of interface {}, not of {}", others.front(), vlan.device());
  }
  if (const auto reason = now.no_vlans()) return fmt::format("this kernel can't make it: {}", *reason);
  return {};
}

/// Whether the device is there, or will be by this plan.
bool plan_vlan(const std::string& owner, const config::Vlan& vlan, const Surroundings& now, Plan& plan) {
  if (const std::string reason = obstacle(vlan, now); !reason.empty()) {
    plan.waiting.push_back(fmt::format("{}: VLAN {} on {}: {}", owner, vlan.id, vlan.parent, reason));
    return false;
  }
  if (now.link(vlan.parent).present) {
    plan.devices.vlans.push_back({vlan.device(), vlan.parent, static_cast<std::uint16_t>(vlan.id)});
  }
  return true;
}

}  // namespace

void plan_devices(const config::ClientConfig& client, const Surroundings& now, Plan& plan) {
  for (const config::Link& link : client.links) {
    if (link.vlan) plan_vlan("link " + link.name, *link.vlan, now, plan);
  }
  for (const config::Lan& lan : client.lans) {
    if (lan.vlan) {
      if (!plan_vlan("lan " + lan.name, *lan.vlan, now, plan)) continue;
    } else if (!now.link(lan.interface).present) {
      plan.waiting.push_back(fmt::format("lan {}: interface {} does not exist", lan.name, lan.interface));
      continue;
    }
    for (const auto& address : lan.addresses) plan.devices.addresses.push_back({lan.interface, address.value});
  }
}

bool wants_devices(const config::ClientConfig& client) {
  const auto needs_work = [](const config::Lan& lan) { return lan.vlan || !lan.addresses.empty(); };
  return std::ranges::any_of(client.lans, needs_work) ||
         std::ranges::any_of(client.links, [](const config::Link& link) { return link.vlan.has_value(); });
}

}  // namespace mpquic::policy
