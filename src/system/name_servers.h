#pragma once

#include <filesystem>
#include <vector>

#include "packet/address.h"

namespace mpquic::system {

/// Where a machine says which DNS servers it asks: resolv.conf(5).
struct ResolvConf {
  std::filesystem::path of_resolved = "/run/systemd/resolve/resolv.conf";  ///< whom systemd-resolved itself asks
  std::filesystem::path of_programs = "/etc/resolv.conf";
};

/// The DNS servers of this machine that are not on this machine: such as can be asked over a link. Those of the first
/// file that names any.
std::vector<packet::Address> machine_name_servers(const ResolvConf& files = {});

}  // namespace mpquic::system
