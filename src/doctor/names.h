#pragma once

#include <vector>

#include "config/model.h"
#include "doctor/observations.h"
#include "system/link_table.h"

namespace mpquic::doctor {

/// Asks for the names of servers over each link to them that can be used, as a node does: all at once, five seconds at
/// most.
std::vector<ServerName> look_up_names(const config::ClientConfig& client, const system::LinkTable& links);

}  // namespace mpquic::doctor
