#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/destinations.h"
#include "policy/plan.h"
#include "policy/ruleset.h"

namespace mpquic::policy {

/// IP versions, each of which has its own routes and rules.
inline constexpr packet::Address::Family families[] = {packet::Address::Family::ipv4, packet::Address::Family::ipv6};

inline constexpr std::uint32_t main_table = 254;

/// Of a route in one of our tables to a network that is right there; comes before all others.
inline constexpr std::uint32_t local_metric = 1;

std::vector<std::string> names_of_tunnels(const auto& tunnels) {
  std::vector<std::string> names;
  for (const auto& tunnel : tunnels) names.push_back(tunnel.name);
  return names;
}

inline bool has_address(const config::Tunnel& tunnel, packet::Address::Family family) {
  return std::ranges::any_of(tunnel.addresses, [&](const auto& one) { return one->address.family() == family; });
}

inline bool has_address(const HandedOut& given, packet::Address::Family family) {
  return std::ranges::any_of(given.addresses, [&](const auto& one) { return one.address.family() == family; });
}

/// Empty: no interface has the address that stands for the link.
inline std::string interface_of(const config::Link& link, const Surroundings& now) {
  return link.interface.empty() ? now.interface_with(link.source->value) : link.interface;
}

bool any_ipv6(const auto& tunnels) {
  return std::ranges::any_of(tunnels,
                             [](const auto& tunnel) { return has_address(tunnel, packet::Address::Family::ipv6); });
}

/// What the plans of both roles are written with.
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

  void rule(packet::Address::Family family, std::uint32_t table, std::uint32_t mark, std::string output_interface) {
    plan_.routing.rules.push_back({.family = family,
                                   .priority = table,
                                   .table = table,
                                   .mark = mark,
                                   .mask = mark != 0 ? system::KernelSlot::mark_mask : 0,
                                   .output_interface = std::move(output_interface)});
  }

  void forwarding(bool ipv6) {
    set("net/ipv4/ip_forward", "1");
    if (ipv6) set("net/ipv6/conf/all/forwarding", "1");
  }

  /// Packets come in here whose way back is another: a strict reverse path check (RFC 3704, 2.2) becomes a loose one.
  /// Where the main table leads nowhere, that is too strict as well: it asks the main table alone.
  void loosen_reverse_path(const std::string& interface) {
    const std::string name = "net/ipv4/conf/" + interface + "/rp_filter";
    const std::string of_all = now_.sysctl("net/ipv4/conf/all/rp_filter");  // the stricter of both is in force
    if (now_.has_default_route()) {
      if (now_.sysctl(name) == "1" || of_all == "1") set(name, "2");
    } else {
      if (now_.sysctl(name) != "0") set(name, "0");
      if (of_all != "0" && !of_all.empty()) {
        wait_for("the main table has no default route, so net.ipv4.conf.all.rp_filter has to be 0, and is " + of_all);
      }
    }
  }

  /// A router takes no advertisements unless told to (accept_ra of the kernel's ip-sysctl.rst).
  void keep_router_advertisements(const std::string& interface) {
    const std::string name = "net/ipv6/conf/" + interface + "/accept_ra";
    if (now_.sysctl(name) == "1") set(name, "2");
  }

  /// What is marked in the connection gets the mark.
  void mark_by_connection(std::size_t destination, std::string_view packets = {}) {
    rules_.add("{}ct mark & {:#010x} == {:#010x} {}", packets, system::KernelSlot::mark_mask, mark(destination),
               set_mark("meta", mark(destination), system::KernelSlot::mark_mask));
  }

  /// Makes TCP fit these tunnels both ways.
  void clamp_mss(const auto& tunnels) {
    rules_.begin_chain("mss", "type filter hook forward priority mangle");
    for (const config::Tunnel& tunnel : tunnels) add_mss_clamp(rules_, tunnel.name, now_.link(tunnel.name).mtu);
    rules_.end_chain();
  }

  /// `packets` out of a tunnel have the connection that they belong to remember it.
  void remember_tunnel(const std::string& tunnel, std::string_view packets, std::uint32_t mark) {
    rules_.add("iifname \"{}\" {}{}", tunnel, packets, set_mark("ct", mark, system::KernelSlot::mark_mask));
  }

 protected:
  const Surroundings& now_;
  Plan plan_;
  Ruleset rules_;

 private:
  void set(const std::string& name, const std::string& value) {
    if (!can_be_recorded(name)) return wait_for(name + " stays as it is: what it was could not be remembered");
    plan_.sysctls[name] = value;
  }
  void wait_for(std::string what) {
    if (std::ranges::find(plan_.waiting, what) == plan_.waiting.end()) plan_.waiting.push_back(std::move(what));
  }

  std::vector<std::uint32_t> numbers_;  ///< of the destinations
};

}  // namespace mpquic::policy
