#pragma once

#include "policy/plan.h"

namespace mpquic::policy {

/// A table for each link, and for each tunnel that rules send traffic to; the rules themselves; the LANs.
Plan make_client_plan(const config::ClientConfig& client, const Surroundings& now);

}  // namespace mpquic::policy
