#pragma once

#include "config/model.h"
#include "policy/plan.h"

namespace mpquic::policy {

/// The VLAN devices of links and LANs and the LANs' addresses, as far as what they stand on is there; what has to wait
/// is said in the plan.
void plan_devices(const config::ClientConfig& client, const Surroundings& now, Plan& plan);

/// Whether a client has any of these.
bool wants_devices(const config::ClientConfig& client);

}  // namespace mpquic::policy
