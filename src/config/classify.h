#pragma once

#include <vector>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// The rules under `classify`, in the order of the file; a VLAN scheme (`vlan: 2Y`) becomes one rule for each class,
/// and `class: bulk` the one tunnel of that class. Tunnels that do not exist and rules that can never match are
/// reported.
std::vector<ClassRule> read_classify(Fields& top, const std::vector<ClientTunnel>& tunnels);

}  // namespace mpquic::config
