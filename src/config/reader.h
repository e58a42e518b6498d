#pragma once

#include <filesystem>

#include "config/document.h"
#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

/// The model of a whole file. `file` gives the node its name and relative file names their folder. What could not be
/// read is reported and has its default, so that the checks that follow still find what else is wrong.
Configuration read_configuration(const Node& root, const std::filesystem::path& file, Problems& problems);

}  // namespace mpquic::config
