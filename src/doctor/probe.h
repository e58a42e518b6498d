#pragma once

#include <string>
#include <vector>

#include "doctor/observations.h"
#include "packet/socket_address.h"

namespace mpquic::doctor {

/// From where to ask which server. Packets leave as those of a tunnel do: bound to the interface and its address, with
/// the don't-fragment bit.
struct ProbeTarget {
  std::string link;
  std::string interface;
  packet::Address source;
  packet::SocketAddress server;
  unsigned mtu = 1500;  ///< of the interface
};

/// Asks all at once, each size up to three times; takes two seconds when something stays silent. In the order given.
std::vector<ProbedPath> probe(const std::vector<ProbeTarget>& targets);

}  // namespace mpquic::doctor
