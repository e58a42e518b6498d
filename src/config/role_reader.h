#pragma once

#include <filesystem>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// What the top of the file says once for all that stands below.
struct Defaults {
  std::filesystem::path folder;  ///< where relative file names begin
  CongestionControl congestion = default_congestion;
};

/// Read the keys that only this role has. What contradicts each other across the file is left to validate().
ClientConfig read_client(Fields& top, const Defaults& defaults);
ServerConfig read_server(Fields& top, const Defaults& defaults);

/// The keys that a tunnel has at both ends, and that mean the same there.
void read_tunnel(Fields& fields, Tunnel& tunnel, const Defaults& defaults);

/// What the file leaves open: the pool is the tunnel's networks, and they are its routes, or everything if it
/// `leads_out`. Of its routes the widest stay.
void complete(ServerTunnel& tunnel, bool leads_out);

}  // namespace mpquic::config
