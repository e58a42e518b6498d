#pragma once

#include <string>
#include <vector>

#include "packet/address.h"

namespace mpquic::policy {

/// What a server has given to a client's tunnel (h3).
struct HandedOut {
  std::vector<packet::InterfaceAddress> addresses;
  std::vector<packet::Prefix> routes;  ///< that it advertises, whether they are accepted or not
  std::vector<packet::Address> dns;    ///< servers that can be asked through the tunnel

  bool operator==(const HandedOut&) const = default;
};

/// As the status of a node tells it, of a tunnel that it may not know; what can't be read is left out.
template <class TunnelStatus>
HandedOut read_handed_out(const std::vector<TunnelStatus>& tunnels, const std::string& name) {
  HandedOut given;
  for (const TunnelStatus& tunnel : tunnels) {
    if (tunnel.name != name) continue;
    for (const std::string& text : tunnel.addresses) {
      if (const auto address = packet::InterfaceAddress::parse(text)) given.addresses.push_back(*address);
    }
    for (const auto& route : tunnel.routes) {
      if (const auto prefix = packet::Prefix::parse(route.prefix)) given.routes.push_back(*prefix);
    }
  }
  return given;
}

/// What is installed of advertised routes: each as far as it lies in something that is accepted, in order, none twice.
/// Never a route to loopback, link-local or multicast addresses, and no more than a few thousand.
std::vector<packet::Prefix> accepted_routes(const std::vector<packet::Prefix>& advertised,
                                            const std::vector<packet::Prefix>& accepted);

}  // namespace mpquic::policy
