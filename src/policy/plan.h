#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"
#include "policy/handed_out.h"
#include "policy/numbers.h"
#include "policy/sysctls.h"
#include "system/devices.h"
#include "system/kernel_slot.h"
#include "system/link_table.h"
#include "system/routing.h"

namespace mpquic::policy {

/// What a node wants of the kernel, beyond its TUN devices. Plain data: what is there is compared with it.
struct Plan {
  system::Devices devices;  ///< VLANs, and addresses of LANs
  system::Routing routing;
  std::string ruleset;  ///< what stands inside the node's nftable
  Sysctls sysctls;
  std::vector<std::string> waiting;  ///< a line each: what is left out as long as something is missing
  /// The kernel knows no IPv4 gateway of some link. DHCP leases may name one, and say so to nobody when they change.
  bool depends_on_leases = false;

  bool operator==(const Plan&) const = default;
};

/// What the wishes depend on, as it is now.
struct Surroundings {
  const system::KernelSlot& slot;
  Numbers numbers;  ///< that destinations have had so far
  std::function<system::LinkState(std::string_view interface)> link;
  /// The interface that has this address; empty: none.
  std::function<std::string(const packet::Address&)> interface_with;
  /// Interfaces that carry a VLAN, on whichever parent or on that one.
  std::function<std::vector<std::string>(unsigned vlan, std::string_view parent)> vlan_interfaces;
  /// Why this kernel can make no VLAN devices; nullopt: it can.
  std::function<std::optional<std::string>()> no_vlans;
  /// Whether the main table has an IPv4 default route.
  std::function<bool()> has_default_route;
  /// As it was before mpquic touched it; empty: this kernel has none of that name.
  std::function<std::string(const std::string& name)> sysctl;
  /// The IPv4 gateway that DHCP names for an interface, for when the kernel knows none.
  std::function<std::optional<packet::Address>(std::string_view interface, const system::LinkState&)> lease_gateway;
  /// Whether packets for this tunnel have somewhere to go; at a server: those for this client.
  std::function<bool(const std::string& tunnel, const std::string& client)> up;
  /// To a client's tunnel; nothing if it speaks mpquic-ip, or was not up yet.
  std::function<HandedOut(const std::string& tunnel)> handed_out;
};

/// Interfaces that the configuration names and whose state a plan depends on, each once.
std::set<std::string> interfaces_of(const config::Configuration& configuration);

/// Whether the node would not do what its configuration says without all of its plan: it sends, hides or lets through
/// other people's packets. Otherwise the plan only keeps a client's own packets on their links.
bool is_essential(const config::Configuration& configuration);

Plan make_plan(const config::Configuration& configuration, const Surroundings& now);

}  // namespace mpquic::policy
