#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "control/status.h"

namespace mpquic::control {

/// What the rates of a table are computed from: an earlier status of the same node.
struct Earlier {
  const NodeStatus& status;
  Duration ago;
};

/// A status for people, several lines, each with its newline: the node, a table of its tunnels (and, where a tunnel has
/// several or is a server's, of its connections), details of their states, and what was dropped. `unix_now` in seconds,
/// as NodeStatus::started. With `earlier` there are columns of rates. Control characters, which a peer's name may have,
/// become '?'.
std::string status_table(const NodeStatus& status, std::int64_t unix_now, const Earlier* earlier = nullptr);

}  // namespace mpquic::control
