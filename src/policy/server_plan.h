#pragma once

#include "policy/plan.h"

namespace mpquic::policy {

/// Ways back to what is behind clients; with `egress`, forwarding, firewall and NAT.
Plan make_server_plan(const config::ServerConfig& server, const Surroundings& now);

}  // namespace mpquic::policy
