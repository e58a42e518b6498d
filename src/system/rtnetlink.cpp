#include "system/rtnetlink.h"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace mpquic::system {
namespace {

std::optional<packet::Address> to_address(int family, std::optional<Bytes> bytes) {
  if (!bytes) return std::nullopt;
  if ((family == AF_INET && bytes->size() == 4) || (family == AF_INET6 && bytes->size() == 16)) {
    return packet::Address::from_bytes(*bytes);
  }
  return std::nullopt;
}

packet::Address unspecified(int family) {
  constexpr std::array<std::uint8_t, 16> zeros{};
  return packet::Address::from_bytes(Bytes(zeros).first(family == AF_INET ? 4 : 16));
}

std::optional<TunInfo> parse_tun(const Attributes& info) {
  const auto type = info.u8(IFLA_TUN_TYPE);
  if (!type) return std::nullopt;
  return TunInfo{
      .tap = *type == IFF_TAP,
      .persistent = info.u8(IFLA_TUN_PERSIST).value_or(0) != 0,
      .multi_queue = info.u8(IFLA_TUN_MULTI_QUEUE).value_or(0) != 0,
      .queues = info.u32(IFLA_TUN_NUM_QUEUES).value_or(0) + info.u32(IFLA_TUN_NUM_DISABLED_QUEUES).value_or(0)};
}

// RTA_GATEWAY is of the route's own family, RTA_VIA says which it is of.
std::optional<packet::Address> gateway_of(int family, const Attributes& attributes) {
  if (const auto via = attributes.bytes(RTA_VIA); via && via->size() > sizeof(rtvia)) {
    rtvia header;
    std::memcpy(&header, via->data(), sizeof header);
    return to_address(header.rtvia_family, via->subspan(sizeof header));
  }
  return to_address(family, attributes.bytes(RTA_GATEWAY));
}

std::vector<RouteMessage::NextHop> next_hops_of(int family, const Attributes& attributes) {
  std::vector<RouteMessage::NextHop> hops;
  if (const auto ifindex = attributes.u32(RTA_OIF)) hops.push_back({*ifindex, gateway_of(family, attributes)});
  Bytes left = attributes.bytes(RTA_MULTIPATH).value_or(Bytes());
  rtnexthop hop;
  while (left.size() >= sizeof hop) {
    std::memcpy(&hop, left.data(), sizeof hop);
    if (hop.rtnh_len < sizeof hop || hop.rtnh_len > left.size()) break;
    const Attributes inner(left.subspan(sizeof hop, hop.rtnh_len - sizeof hop));
    hops.push_back({static_cast<unsigned>(hop.rtnh_ifindex), gateway_of(family, inner)});
    left = left.subspan(std::min(left.size(), static_cast<std::size_t>(RTNH_ALIGN(hop.rtnh_len))));
  }
  return hops;
}

}  // namespace

std::optional<LinkMessage> parse_link(const Message& message) {
  if (message.type != RTM_NEWLINK && message.type != RTM_DELLINK) return std::nullopt;
  const auto header = message.header<ifinfomsg>();
  // AF_BRIDGE is about being a port of a bridge: its RTM_DELLINK leaves the link where it is.
  if (!header || header->ifi_family != AF_UNSPEC) return std::nullopt;
  const auto attributes = Attributes::of(message, sizeof *header);
  LinkMessage link;
  link.ifindex = static_cast<unsigned>(header->ifi_index);
  link.flags = header->ifi_flags;
  if (const auto name = attributes.text(IFLA_IFNAME)) link.name = std::string(*name);
  link.mtu = attributes.u32(IFLA_MTU);
  link.txqueuelen = attributes.u32(IFLA_TXQLEN);
  link.operstate = attributes.u8(IFLA_OPERSTATE);
  link.ipv6_address_generation = attributes.nested(IFLA_AF_SPEC).nested(AF_INET6).u8(IFLA_INET6_ADDR_GEN_MODE);
  const auto info = attributes.nested(IFLA_LINKINFO);
  link.kind = std::string(info.text(IFLA_INFO_KIND).value_or(""));
  link.lower = attributes.u32(IFLA_LINK);
  if (link.kind == "vlan") link.vlan = info.nested(IFLA_INFO_DATA).u16(IFLA_VLAN_ID);
  if (link.kind == "tun") link.tun = parse_tun(info.nested(IFLA_INFO_DATA));
  return link;
}

std::optional<AddressMessage> parse_address(const Message& message) {
  if (message.type != RTM_NEWADDR && message.type != RTM_DELADDR) return std::nullopt;
  const auto header = message.header<ifaddrmsg>();
  if (!header) return std::nullopt;
  const auto attributes = Attributes::of(message, sizeof *header);
  // Of a point-to-point address, IFA_LOCAL is ours and IFA_ADDRESS the peer's. Otherwise IFA_ADDRESS is ours, and
  // IPv4 says it twice.
  const auto address = to_address(header->ifa_family, attributes.bytes(IFA_ADDRESS));
  const auto local = to_address(header->ifa_family, attributes.bytes(IFA_LOCAL));
  const auto own = local ? local : address;
  if (!own || header->ifa_prefixlen > own->bits()) return std::nullopt;
  AddressMessage parsed{.ifindex = header->ifa_index,
                        .address = {*own, header->ifa_prefixlen},
                        .peer = std::nullopt,
                        .scope = header->ifa_scope,
                        .flags = attributes.u32(IFA_FLAGS).value_or(header->ifa_flags)};
  if (local && address && *local != *address) parsed.peer = address;
  return parsed;
}

std::optional<RouteMessage> parse_route(const Message& message) {
  if (message.type != RTM_NEWROUTE && message.type != RTM_DELROUTE) return std::nullopt;
  const auto header = message.header<rtmsg>();
  if (!header || (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)) return std::nullopt;
  // Cached IPv6 exceptions (path MTU, redirects) are no routes.
  if (header->rtm_flags & RTM_F_CLONED) return std::nullopt;
  const int family = header->rtm_family;
  const auto attributes = Attributes::of(message, sizeof *header);
  const auto destination = to_address(family, attributes.bytes(RTA_DST)).value_or(unspecified(family));
  if (header->rtm_dst_len > destination.bits()) return std::nullopt;
  return RouteMessage{.destination = packet::Prefix(destination, header->rtm_dst_len),
                      .table = attributes.u32(RTA_TABLE).value_or(header->rtm_table),
                      .metric = attributes.u32(RTA_PRIORITY).value_or(0),
                      .type = header->rtm_type,
                      .protocol = header->rtm_protocol,
                      .next_hops = next_hops_of(family, attributes)};
}

std::optional<RouteMessage> parse_default_route(const Message& message) {
  // Looked at first, because a router's table has a million others.
  const auto header = message.header<rtmsg>();
  if (!header || header->rtm_dst_len != 0) return std::nullopt;
  auto route = parse_route(message);
  if (route && (!route->is_default() || route->type != RTN_UNICAST)) route.reset();
  return route;
}

std::optional<RuleMessage> parse_rule(const Message& message) {
  if (message.type != RTM_NEWRULE && message.type != RTM_DELRULE) return std::nullopt;
  const auto header = message.header<fib_rule_hdr>();
  if (!header || (header->family != AF_INET && header->family != AF_INET6)) return std::nullopt;
  const auto attributes = Attributes::of(message, sizeof *header);
  const auto prefix = [&](std::uint16_t type, unsigned length) -> std::optional<packet::Prefix> {
    const auto address = to_address(header->family, attributes.bytes(type));
    if (!address || length == 0 || length > address->bits()) return std::nullopt;
    return packet::Prefix(*address, length);
  };
  constexpr std::array<std::uint16_t, 7> narrowing = {FRA_FLOW,     FRA_TUN_ID,      FRA_L3MDEV,     FRA_UID_RANGE,
                                                      FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE};
  const auto there = [&](std::uint16_t type) { return attributes.bytes(type).has_value(); };
  return RuleMessage{
      .family = header->family == AF_INET ? packet::Address::Family::ipv4 : packet::Address::Family::ipv6,
      .priority = attributes.u32(FRA_PRIORITY).value_or(0),
      .action = header->action,
      .protocol = attributes.u8(FRA_PROTOCOL).value_or(0),
      .table = attributes.u32(FRA_TABLE).value_or(header->table),
      .mark = attributes.u32(FRA_FWMARK).value_or(0),
      .mask = attributes.u32(FRA_FWMASK).value_or(0),
      .input_interface = std::string(attributes.text(FRA_IIFNAME).value_or("")),
      .output_interface = std::string(attributes.text(FRA_OIFNAME).value_or("")),
      .source = prefix(FRA_SRC, header->src_len),
      .destination = prefix(FRA_DST, header->dst_len),
      .narrowed = header->tos != 0 || (header->flags & FIB_RULE_INVERT) != 0 || std::ranges::any_of(narrowing, there),
      .ignores_defaults = attributes.u32(FRA_SUPPRESS_PREFIXLEN).value_or(~0U) != ~0U};
}

Request link_request(std::string_view name) {
  Request request(fmt::format("ask for interface {}", name), RTM_GETLINK, 0, ifinfomsg{});
  request.put_text(IFLA_IFNAME, name);
  return request;
}

Request all_links_request() { return Request("list interfaces", RTM_GETLINK, 0, ifinfomsg{}); }
Request all_addresses_request() { return Request("list addresses", RTM_GETADDR, 0, ifaddrmsg{}); }
Request all_routes_request() { return Request("list routes", RTM_GETROUTE, 0, rtmsg{}); }
Request all_rules_request() { return Request("list rules", RTM_GETRULE, 0, fib_rule_hdr{}); }

}  // namespace mpquic::system
