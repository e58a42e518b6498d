#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace mpquic::config {

/// Where the configurations of a machine's nodes stand.
inline constexpr const char* system_folder = "/etc/mpquic";

/// The configuration file that a command was given: a file's name, or the bare NAME of one in `folder`, natively as
/// NAME.yaml or flat as instances/NAME.yaml. A file of exactly that name wins. Whether a file name leads to anything is
/// left to whoever opens it.
Result<std::filesystem::path> find_file(const std::string& argument,
                                        const std::filesystem::path& folder = system_folder);

}  // namespace mpquic::config
