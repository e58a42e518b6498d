#pragma once

#include <filesystem>
#include <string>

namespace mpquic::cli {

/// Writes the network files of a node below `output`, all or none, and removes those that it has no use for any more.
/// Files of others are replaced only with `force`. Returns the exit status.
int networkd_command(const std::string& file, const std::filesystem::path& output, bool force);

}  // namespace mpquic::cli
