#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace mpquic::config {

/// All of a regular file of at most 1 MiB. The error does not name the file.
Result<std::string> read_text_file(const std::filesystem::path& file);

}  // namespace mpquic::config
