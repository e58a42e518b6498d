#pragma once

#include <vector>

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// What of `next` a node that runs with `now` can take up only by a restart, in the order of the file; nothing: it can
/// change over as it runs. Live are classes and classification, masquerading, clients and what they own, egress,
/// forwards, certificates, tokens, revocation lists and the log level.
std::vector<Problem> needs_restart(const Configuration& now, const Configuration& next);

}  // namespace mpquic::config
