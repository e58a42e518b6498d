#pragma once

#include <vector>

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

// NOT YET: what can be said in a file, and is read and checked, but no node does. This header, not_yet.cpp,
// tests/unit/config/not_yet_test.cpp and the call in load.cpp go when nodes have tunnels over several links.

/// What of it stands in the configuration, as errors; empty: nothing.
std::vector<Problem> not_yet(const Configuration& configuration);

}  // namespace mpquic::config
