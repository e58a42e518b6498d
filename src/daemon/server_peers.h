#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.h"
#include "peers/address_pool.h"
#include "peers/directory.h"

namespace mpquic::daemon {

/// The clients of a server's configuration, as its workers and its address pool know them.
std::vector<peers::Peer> peers_of(const config::ServerConfig& configuration);

/// What the address pool has to give: that of the tunnels which speak h3.
std::map<std::string, peers::TunnelPool> pools_of(const config::ServerConfig& configuration);

}  // namespace mpquic::daemon
