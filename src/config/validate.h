#pragma once

#include <chrono>

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// What single values can't show: things that contradict each other across the file.
void validate(const Configuration& configuration, Problems& problems);

/// The certificates, keys, tokens and revocation lists that the file names: there, readable, valid at `now`, belonging
/// together.
void check_files(const Configuration& configuration, std::chrono::system_clock::time_point now, Problems& problems);

}  // namespace mpquic::config
