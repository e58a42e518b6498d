#pragma once

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// Who may have which address at a server: nothing belongs to two clients, pools and fixed addresses lie where they can
/// be handed out, and nobody has nothing to speak from.
void check_ownership(const ServerConfig& server, Problems& problems);

}  // namespace mpquic::config
