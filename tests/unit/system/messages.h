#pragma once

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "packet/address.h"
#include "system/message.h"
#include "system/request.h"

namespace mpquic::system {

inline packet::Address address(const char* text) { return packet::Address::parse(text).value(); }
inline packet::InterfaceAddress interface_address(const char* text) {
  return packet::InterfaceAddress::parse(text).value();
}

/// The bytes of `request` read as if the kernel had sent them. The request must outlive it.
inline Message as_received(const Request& request) {
  Bytes bytes = request.bytes();
  return next_message(bytes).value();
}

inline Request link_message(std::uint16_t type, int ifindex, const char* name, unsigned flags, unsigned mtu = 1500,
                            std::uint8_t operstate = 6) {
  ifinfomsg header{};
  header.ifi_index = ifindex;
  header.ifi_flags = flags;
  Request message("test", type, 0, header);
  message.put_text(IFLA_IFNAME, name).put_u32(IFLA_MTU, mtu).put_u8(IFLA_OPERSTATE, operstate);
  return message;
}

inline Request address_message(std::uint16_t type, unsigned ifindex, const char* text, std::uint32_t flags = 0,
                               std::uint8_t scope = RT_SCOPE_UNIVERSE) {
  const auto parsed = interface_address(text);
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(parsed.address.is_ipv4() ? AF_INET : AF_INET6);
  header.ifa_prefixlen = static_cast<std::uint8_t>(parsed.length);
  header.ifa_index = ifindex;
  header.ifa_scope = scope;
  Request message("test", type, 0, header);
  message.put_bytes(IFA_ADDRESS, parsed.address.bytes()).put_u32(IFA_FLAGS, flags);
  return message;
}

inline Request default_route_message(std::uint16_t type, int family, unsigned ifindex, const char* gateway,
                                     std::uint32_t metric = 0) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(family);
  header.rtm_type = RTN_UNICAST;
  header.rtm_table = RT_TABLE_MAIN;
  Request message("test", type, 0, header);
  message.put_u32(RTA_OIF, ifindex).put_bytes(RTA_GATEWAY, address(gateway).bytes()).put_u32(RTA_PRIORITY, metric);
  return message;
}

}  // namespace mpquic::system
