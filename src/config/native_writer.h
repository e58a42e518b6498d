#pragma once

#include <string>

#include "config/model.h"

namespace mpquic::config {

/// The native file that says what flat instance files can: tls, links and tunnels, or tls, tunnels and clients. What
/// has its default is left out, and so are the name of the node and of its control socket, which follow from the
/// file's. File names are written as they are.
std::string to_native(const Configuration& configuration);

}  // namespace mpquic::config
