#pragma once

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// Reports interfaces and VLANs that two entries claim, the management interface in the hands of anything else,
/// gateways of another IP version than their address, and LANs whose networks overlap something.
void check_devices(const Configuration& configuration, Problems& problems);

}  // namespace mpquic::config
