#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "config/model.h"
#include "control/status.h"
#include "daemon/client_link.h"
#include "quic/connection.h"
#include "tunnel/path_traits.h"

namespace mpquic::daemon {

// What the layers below call things, as the status calls them.

std::string describe(ClientLinkState state);
control::Traffic traffic_of(const quic::ConnectionStatistics& statistics);
/// The part of it that the connection itself knows.
control::ConnectionStatus connection_status(const quic::ConnectionStatistics& statistics);
std::uint64_t seconds_between(Instant from, Instant to);
quic::CongestionControl congestion_of(config::CongestionControl configured);
tunnel::Policy policy_of(config::PathPolicy configured);

}  // namespace mpquic::daemon
