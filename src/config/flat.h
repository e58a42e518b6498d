#pragma once

#include <filesystem>

#include "config/document.h"
#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

// Flat instance files, as deployed boxes have them under /etc/mpquic/instances: one tunnel in keys of one level. They
// end up in the same model as native files, and its checks point at their lines.

bool is_flat(const Node& root);

/// Fills in all but the name. `file` is what `root` was read from: NAME.env and global.env stand in its folder, where
/// relative file names begin, too.
void read_flat(Configuration& configuration, const Node& root, const std::filesystem::path& file, Problems& problems);

}  // namespace mpquic::config
