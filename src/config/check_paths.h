#pragma once

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// The paths of a tunnel make one session, which is not every protocol's, nor does each know every policy; nor can each
/// rule of `classify` have one of its own.
void check_paths(const Configuration& configuration, Problems& problems);

}  // namespace mpquic::config
