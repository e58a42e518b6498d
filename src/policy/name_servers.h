#pragma once

#include <string>
#include <vector>

#include "config/model.h"
#include "packet/address.h"
#include "system/link_table.h"

namespace mpquic::policy {

/// The DNS servers to ask over a link, whose interface is in this state: the configured ones, else those of its DHCP
/// lease, else the machine's own as far as they are elsewhere. Empty: the machine only has one that runs on itself,
/// which can't be reached over a link.
std::vector<packet::Address> name_servers(const config::Link& link, const std::string& interface,
                                          const system::LinkState& state);

}  // namespace mpquic::policy
