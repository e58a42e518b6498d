#pragma once

#include <vector>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// The rules under `classify`, in the order of the file; a VLAN scheme (`vlan: 2Y`) becomes one rule for each class,
/// `class: bulk` the one tunnel of that class, and `lan: office` the interface of that LAN. Tunnels and LANs that do
/// not exist and rules that can never match are reported.
std::vector<ClassRule> read_classify(Fields& top, const std::vector<ClientTunnel>& tunnels,
                                     const std::vector<Lan>& lans);

}  // namespace mpquic::config
