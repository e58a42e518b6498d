#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "packet/address.h"
#include "system/link_table.h"

namespace mpquic::system {

/// Where DHCP clients write their leases down.
struct LeaseFiles {
  std::filesystem::path networkd = "/run/systemd/netif/leases";  ///< a file for each interface, named by its ifindex
  std::filesystem::path dhclient = "/var/lib/dhcp";              ///< *.leases, all interfaces in one or one in each
};

/// The IPv4 router that DHCP gave to an interface: for when the kernel has no default route by it, because somebody
/// told the DHCP client not to make one. systemd-networkd's word comes first, then dhclient's latest. A lease counts
/// only for the interface that it names, and as long as the address in it is on that interface: files outlive what they
/// say.
std::optional<packet::Address> lease_gateway(std::string_view interface, const LinkState& state,
                                             const LeaseFiles& files = {});

/// The DNS servers that DHCP gave to it, by the same rules.
std::vector<packet::Address> lease_name_servers(std::string_view interface, const LinkState& state,
                                                const LeaseFiles& files = {});

}  // namespace mpquic::system
