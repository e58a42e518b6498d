#pragma once

#include <optional>

#include "policy/plan.h"

namespace mpquic::policy {

/// A table for each link, and for each tunnel that rules send traffic to; the rules themselves; the LANs; the routes
/// that servers advertise.
Plan make_client_plan(const config::ClientConfig& client, const std::optional<config::Management>& management,
                      const Surroundings& now);

}  // namespace mpquic::policy
