#pragma once

#include <map>
#include <string>
#include <vector>

#include "packet/address.h"
#include "peers/directory.h"
#include "tunnel/path_traits.h"

namespace mpquic::daemon {

/// What a server's configuration says of its clients, as its workers use it. Immutable; a reload makes another.
struct ServerRules {
  peers::Directory directory;
  bool between_clients = false;                               ///< whether packets of one client may go to another
  std::map<std::string, std::vector<packet::Prefix>> routes;  ///< that clients are told of, by tunnel
  std::map<std::string, std::vector<packet::Address>> dns;    ///< servers that clients are told of, by tunnel
  std::map<std::string, tunnel::Policy>
      policies;  ///< of a client's paths, on the way to it, by tunnel; none: as it asks
};

}  // namespace mpquic::daemon
