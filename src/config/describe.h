#pragma once

#include <string>

#include "config/model.h"

namespace mpquic::config {

/// What would be set up, for people: several lines, each with its newline.
std::string describe(const Configuration& configuration);

}  // namespace mpquic::config
