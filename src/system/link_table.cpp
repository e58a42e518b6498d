#include "system/link_table.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "system/routing.h"

namespace mpquic::system {
namespace {

// The kernel's route to its network is there from the start.
bool has_network(const AddressMessage& address) {
  return address.scope == RT_SCOPE_UNIVERSE && !(address.flags & IFA_F_DADFAILED);
}

bool usable(const AddressMessage& address) {
  if (!has_network(address)) return false;
  // An optimistic address may be sent from while its uniqueness is still being checked (RFC 4429).
  return !(address.flags & IFA_F_TENTATIVE) || (address.flags & IFA_F_OPTIMISTIC);
}

// IFA_F_SECONDARY of IPv4 and IFA_F_TEMPORARY of IPv6 are the same bit. A path lives longer than a temporary address.
auto preference(const AddressMessage& address) {
  return std::tuple(address.address.address.family(), (address.flags & IFA_F_DEPRECATED) != 0,
                    (address.flags & IFA_F_SECONDARY) != 0);
}

// An IPv4 route through an unnumbered link may name a gateway of IPv6, so the destination says what it is a route for.
bool is_for(const RouteMessage& route, packet::Address::Family family) {
  return route.destination.address().family() == family;
}

}  // namespace

void LinkTable::set_links(const std::vector<LinkMessage>& links) {
  links_.clear();
  for (const LinkMessage& link : links) apply_link(link, false);
}

void LinkTable::set_addresses(const std::vector<AddressMessage>& addresses) {
  addresses_.clear();
  for (const AddressMessage& address : addresses) apply_address(address, false);
}

void LinkTable::set_default_routes(std::vector<RouteMessage> routes) {
  default_routes_ = std::move(routes);
  routes_stale_ = false;
}

void LinkTable::apply(const Message& event) {
  if (const auto link = parse_link(event)) {
    apply_link(*link, event.type == RTM_DELLINK);
  } else if (const auto address = parse_address(event)) {
    apply_address(*address, event.type == RTM_DELADDR);
  } else if (parse_default_route(event)) {
    routes_stale_ = true;
  }
}

void LinkTable::apply_link(const LinkMessage& message, bool gone) {
  if (gone) {
    links_.erase(message.ifindex);
    addresses_.erase(message.ifindex);
    routes_stale_ = true;
    return;
  }
  Link& link = links_[message.ifindex];
  if ((link.flags ^ message.flags) & IFF_UP) routes_stale_ = true;
  link.flags = message.flags;
  link.name = message.name.value_or(link.name);
  link.mtu = message.mtu.value_or(link.mtu);
  link.operstate = message.operstate.value_or(link.operstate);
  link.lower = message.lower.value_or(link.lower);
  if (message.vlan) link.vlan = message.vlan;
}

void LinkTable::apply_address(const AddressMessage& message, bool gone) {
  auto& known = addresses_[message.ifindex];
  const auto same = std::ranges::find_if(known, [&](const AddressMessage& other) {
    return other.address == message.address && other.peer == message.peer;
  });
  if (gone) {
    routes_stale_ = true;
    if (same != known.end()) known.erase(same);
  } else if (same != known.end()) {
    *same = message;
  } else {
    known.push_back(message);
  }
}

LinkState LinkTable::state(std::string_view name) const {
  const auto found = std::ranges::find_if(links_, [&](const auto& entry) { return entry.second.name == name; });
  if (found == links_.end()) return {};
  const auto& [ifindex, link] = *found;
  LinkState state;
  state.ifindex = ifindex;
  state.present = true;
  state.up = (link.flags & IFF_UP) != 0;
  state.carrier = carries(link);
  state.mtu = link.mtu;
  state.addresses = usable_addresses(ifindex);
  state.networks = networks(ifindex);
  if (state.up) {
    state.gateway4 = gateway(ifindex, packet::Address::Family::ipv4);
    state.gateway6 = gateway(ifindex, packet::Address::Family::ipv6);
  }
  return state;
}

std::vector<packet::Address> LinkTable::usable_addresses(unsigned ifindex) const {
  const auto found = addresses_.find(ifindex);
  if (found == addresses_.end()) return {};
  std::vector<AddressMessage> chosen;
  std::ranges::copy_if(found->second, std::back_inserter(chosen), usable);
  std::ranges::stable_sort(chosen, {}, preference);
  std::vector<packet::Address> addresses;
  for (const AddressMessage& one : chosen) addresses.push_back(one.address.address);
  return addresses;
}

std::string LinkTable::interface_with(const packet::Address& address) const {
  std::string_view idle;
  for (const auto& [ifindex, link] : links_) {
    if ((link.flags & IFF_LOOPBACK) || std::ranges::count(usable_addresses(ifindex), address) == 0) continue;
    if (carries(link)) return link.name;
    if (idle.empty()) idle = link.name;
  }
  return std::string(idle);
}

// Virtual devices, TUN among them, say IF_OPER_UNKNOWN for ever.
bool LinkTable::carries(const Link& link) {
  const bool operational = link.operstate == IF_OPER_UP || link.operstate == IF_OPER_UNKNOWN;
  return (link.flags & IFF_UP) != 0 && (link.flags & IFF_LOWER_UP) != 0 && operational;
}

std::vector<packet::Prefix> LinkTable::networks(unsigned ifindex) const {
  std::set<packet::Prefix> found;
  if (const auto known = addresses_.find(ifindex); known != addresses_.end()) {
    for (const AddressMessage& one : known->second) {
      if (!has_network(one)) continue;
      found.insert(one.peer ? packet::Prefix(*one.peer, one.address.length) : one.address.network());
    }
  }
  return {found.begin(), found.end()};
}

std::vector<std::string> LinkTable::vlan_interfaces(unsigned vlan, std::string_view parent) const {
  const std::string ending = "." + std::to_string(vlan);
  std::vector<std::string> names;
  for (const auto& [ifindex, link] : links_) {
    const std::string_view before = std::string_view(link.name).substr(0, link.name.rfind('.'));
    const bool named = !link.vlan && link.name.ends_with(ending) && (parent.empty() || before == parent);
    const auto lower = links_.find(link.lower);
    const bool tagged =
        link.vlan == vlan && (parent.empty() || (lower != links_.end() && lower->second.name == parent));
    if (named || tagged) names.push_back(link.name);
  }
  std::ranges::sort(names);
  return names;
}

bool LinkTable::has_default_route() const {
  return std::ranges::any_of(default_routes_, [](const RouteMessage& route) {
    return route.table == RT_TABLE_MAIN && is_for(route, packet::Address::Family::ipv4);
  });
}

std::optional<packet::Address> LinkTable::gateway(unsigned ifindex, packet::Address::Family family) const {
  // Of equal metrics the main table's route counts: that is the one an administrator sees first.
  const auto rank = [](const RouteMessage& route) { return std::tuple(route.metric, route.table != RT_TABLE_MAIN); };
  const RouteMessage* best = nullptr;
  std::optional<packet::Address> gateway;
  for (const RouteMessage& route : default_routes_) {
    if (route.protocol == our_protocol || !is_for(route, family) || (best && rank(route) >= rank(*best))) continue;
    const auto hop = std::ranges::find(route.next_hops, ifindex, &RouteMessage::NextHop::ifindex);
    if (hop == route.next_hops.end()) continue;
    best = &route;
    gateway = hop->gateway;
  }
  return gateway;
}

}  // namespace mpquic::system
