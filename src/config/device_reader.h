#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/fields.h"
#include "config/model.h"

namespace mpquic::config {

/// `interface` and `vlan`: with that, the interface is the parent, and what packets come and go by is the VLAN's
/// device.
void read_device(Fields& fields, std::string& interface, std::optional<Vlan>& vlan);

std::vector<Lan> read_lans(Fields& top);
std::optional<Management> read_management(Fields& top);

}  // namespace mpquic::config
