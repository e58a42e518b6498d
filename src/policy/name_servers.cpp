#include "policy/name_servers.h"

#include "system/dhcp_lease.h"
#include "system/name_servers.h"

namespace mpquic::policy {

std::vector<packet::Address> name_servers(const config::Link& link, const std::string& interface,
                                          const system::LinkState& state) {
  std::vector<packet::Address> servers;
  for (const auto& configured : link.dns) servers.push_back(configured.value);
  if (servers.empty()) servers = system::lease_name_servers(interface, state);
  return servers.empty() ? system::machine_name_servers() : servers;
}

}  // namespace mpquic::policy
