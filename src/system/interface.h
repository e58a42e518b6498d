#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "packet/address.h"
#include "system/netlink.h"
#include "system/rtnetlink.h"

namespace mpquic::system {

/// What we want of an interface of our own, a TUN device: exactly these addresses and no others, and up.
struct InterfaceSettings {
  std::vector<packet::InterfaceAddress> addresses;
  unsigned mtu = 1500;        ///< bytes
  unsigned txqueuelen = 500;  ///< packets; of a TUN these may be super-packets of 64 KiB
};

/// What the kernel says of it.
struct InterfacePresent {
  bool up = false;
  unsigned mtu = 0;
  unsigned txqueuelen = 0;
  /// IN6_ADDR_GEN_MODE_*: how a link-local address comes into being by itself; absent while IPv6 is off.
  std::optional<std::uint8_t> ipv6_address_generation;
  std::vector<AddressMessage> addresses;
};

/// What must be done to get from the one to the other.
struct InterfaceChanges {
  std::optional<unsigned> mtu;
  std::optional<unsigned> txqueuelen;
  bool stop_ipv6_address_generation = false;
  std::vector<AddressMessage> remove;
  std::vector<packet::InterfaceAddress> add;
  bool set_up = false;

  bool empty() const { return *this == InterfaceChanges(); }
  bool operator==(const InterfaceChanges&) const = default;
};

InterfaceChanges difference(const InterfaceSettings& wanted, const InterfacePresent& present);

/// Makes the interface `name` what the settings say, and reads back that it is. Only for interfaces that are ours:
/// addresses that others gave it are removed. Doing it again changes nothing. Needs CAP_NET_ADMIN.
Result<void> configure_interface(NetlinkSocket& socket, std::string_view name, const InterfaceSettings& settings);

}  // namespace mpquic::system
