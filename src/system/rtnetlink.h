#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.h"
#include "system/message.h"
#include "system/request.h"

namespace mpquic::system {

// What the kernel says about links, addresses and routes (rtnetlink(7)). Each parser takes the RTM_NEW... and the
// RTM_DEL... message of its kind and gives nullopt for any other.

/// What tun.c tells about one of its devices.
struct TunInfo {
  bool tap = false;  ///< carries Ethernet frames
  bool persistent = false;
  bool multi_queue = false;
  std::uint32_t queues = 0;  ///< attached, enabled or not; known only of multi_queue devices

  bool operator==(const TunInfo&) const = default;
};

/// Events leave out what did not change (wireless ones nearly everything): what is absent is as it was.
struct LinkMessage {
  unsigned ifindex = 0;
  unsigned flags = 0;  ///< IFF_*
  std::optional<std::string> name;
  std::optional<std::uint32_t> mtu;                     ///< bytes
  std::optional<std::uint32_t> txqueuelen;              ///< packets
  std::optional<std::uint8_t> operstate;                ///< IF_OPER_*, RFC 2863
  std::optional<std::uint8_t> ipv6_address_generation;  ///< IN6_ADDR_GEN_MODE_*; absent: IPv6 is off for this link
  std::string kind;                                     ///< "tun", "veth"; empty for hardware
  std::optional<unsigned> lower;                        ///< ifindex of what it stands on, a VLAN on its parent
  std::optional<unsigned> vlan;                         ///< 802.1Q id, of kind "vlan"
  std::optional<TunInfo> tun;
};

struct AddressMessage {
  unsigned ifindex = 0;
  packet::InterfaceAddress address;
  std::optional<packet::Address> peer;  ///< the other end of a point-to-point address
  std::uint8_t scope = 0;               ///< RT_SCOPE_*
  std::uint32_t flags = 0;              ///< IFA_F_*

  bool operator==(const AddressMessage&) const = default;
};

struct RouteMessage {
  struct NextHop {
    unsigned ifindex = 0;
    std::optional<packet::Address> gateway;  ///< for an IPv4 route it may be an IPv6 address (RFC 8950)
    bool operator==(const NextHop&) const = default;
  };

  packet::Prefix destination;
  std::uint32_t table = 0;
  std::uint32_t metric = 0;   ///< lower is preferred
  std::uint8_t type = 0;      ///< RTN_*
  std::uint8_t protocol = 0;  ///< RTPROT_*: who made it
  std::vector<NextHop> next_hops;

  bool is_default() const { return destination.length() == 0; }
  bool operator==(const RouteMessage&) const = default;
};

/// A rule of routing policy, ip-rule(8). What is absent or empty matches everything.
struct RuleMessage {
  packet::Address::Family family = packet::Address::Family::ipv4;
  std::uint32_t priority = 0;  ///< lower comes first
  std::uint8_t action = 0;     ///< FR_ACT_*
  std::uint8_t protocol = 0;   ///< RTPROT_*: who made it
  std::uint32_t table = 0;     ///< of FR_ACT_TO_TBL
  std::uint32_t mark = 0, mask = 0;
  std::string input_interface, output_interface;
  std::optional<packet::Prefix> source, destination;
  bool narrowed = false;          ///< by something that is not told here: ports, protocol, user, DSCP, inverted ...
  bool ignores_defaults = false;  ///< routes of length 0 in its table do not count (suppress_prefixlength)

  bool operator==(const RuleMessage&) const = default;
};

std::optional<LinkMessage> parse_link(const Message& message);
std::optional<AddressMessage> parse_address(const Message& message);
std::optional<RouteMessage> parse_route(const Message& message);
/// As parse_route(), but nullopt for any but a unicast default route.
std::optional<RouteMessage> parse_default_route(const Message& message);

std::optional<RuleMessage> parse_rule(const Message& message);

Request link_request(std::string_view name);  ///< one link; ENODEV when there is none
Request all_links_request();
Request all_addresses_request();
Request all_routes_request();
Request all_rules_request();

}  // namespace mpquic::system
