#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "config/model.h"
#include "control/status.h"
#include "daemon/client_link.h"
#include "daemon/server_path.h"
#include "daemon/session_paths.h"
#include "peers/session_ref.h"
#include "quic/connection.h"
#include "tunnel/path_traits.h"

namespace mpquic::daemon {

// What the layers below call things, as the status calls them.

std::string describe(ClientLinkState state);
/// Numbers are unique on their worker; this makes them unique in the node.
std::uint64_t number_of(const peers::SessionRef& session);
/// Without its session, which the tunnel knows.
control::ConnectionStatus connection_status(const ClientLink::Snapshot& link, Instant now);
control::ConnectionStatus connection_status(const ServerPath::Snapshot& path, Instant now);
control::SessionStatus session_status(const SessionPaths::Snapshot& session);
std::uint64_t seconds_between(Instant from, Instant to);
quic::CongestionControl congestion_of(config::CongestionControl configured);
tunnel::Policy policy_of(config::PathPolicy configured);

}  // namespace mpquic::daemon
