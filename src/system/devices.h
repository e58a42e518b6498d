#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/address.h"
#include "system/netlink.h"

namespace mpquic::system {

/// An interface that carries an 802.1Q VLAN of its parent.
struct VlanDevice {
  std::string name, parent;
  std::uint16_t id = 0;

  auto operator<=>(const VlanDevice&) const = default;
  std::string to_string() const;
};

struct DeviceAddress {
  std::string interface;
  packet::InterfaceAddress address;

  auto operator<=>(const DeviceAddress&) const = default;
  std::string to_string() const;
};

/// VLAN devices, and addresses of these or of other interfaces. Wanted, they are also up: the interfaces with
/// addresses, the VLAN devices of ours and what those stand on.
struct Devices {
  std::vector<VlanDevice> vlans;
  std::vector<DeviceAddress> addresses;

  bool operator==(const Devices&) const = default;
};

/// What tells a node's own from others': the alias (IFLA_IFALIAS) of its VLAN devices, and the protocol number
/// (IFA_PROTO, Linux 5.18) of its addresses.
struct DeviceScope {
  std::string alias;
  std::uint8_t protocol = 0;
};

/// What the kernel has.
struct DevicesPresent {
  struct Interface {
    std::string name;
    bool up = false;
  };
  struct Address {
    DeviceAddress what;
    bool ours = false;
  };
  std::vector<Interface> interfaces;  ///< all of them
  std::vector<VlanDevice> vlans;      ///< ours
  std::vector<Address> addresses;

  Devices ours() const;
};

struct DeviceChanges {
  Devices remove, add;
  std::vector<std::string> set_up;  ///< in this order

  bool empty() const { return *this == DeviceChanges(); }
  bool operator==(const DeviceChanges&) const = default;
};

/// An interface or address that is there already and not ours will do, and stays. A VLAN device of ours with another
/// parent or id is made anew, with its addresses.
DeviceChanges difference(const Devices& wanted, const DevicesPresent& present);

Result<DevicesPresent> read_devices(NetlinkSocket& socket, const DeviceScope& scope);

/// Makes what is ours what is wanted. After a failure it is as it was before, but for interfaces that have been set up.
/// Needs CAP_NET_ADMIN.
Result<void> apply_devices(NetlinkSocket& socket, const DeviceScope& scope, const Devices& wanted);

/// Whether this kernel can make VLAN devices; the error says why not.
Result<void> check_vlan_support(NetlinkSocket& socket);

}  // namespace mpquic::system
