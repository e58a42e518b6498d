#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "config/model.h"

namespace mpquic::policy {

/// First line of each of a node's network files: who finds it there may replace the file.
std::string network_file_mark(const config::Configuration& configuration);

/// What systemd-networkd and iproute2 need to know of a machine that runs this node, as systemd.network(5),
/// systemd.netdev(5) and networkd.conf(5) have it: names below /etc, and contents.
///
///   systemd/network/10-mpquic-IF.network   links by DHCP or with their address, LANs, the management interface, what
///                                          carries VLANs; tunnels, which networkd leaves alone
///   systemd/network/10-mpquic-IF.netdev    VLANs
///   systemd/networkd.conf.d/               so that networkd keeps the node's routes and rules
///   iproute2/rt_tables.d/                  names of its routing tables
inline constexpr std::array<std::string_view, 3> network_folders = {"systemd/network", "systemd/networkd.conf.d",
                                                                    "iproute2/rt_tables.d"};
std::map<std::string, std::string> network_files(const config::Configuration& configuration);

}  // namespace mpquic::policy
