#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/problems.h"

namespace mpquic::config {

struct Valid {
  Configuration configuration;
  std::vector<Problem> warnings;
  bool flat = false;  ///< the file is a flat instance file
};

/// Either a configuration that can be run, or everything that is wrong with it, in the order of the file.
using Loaded = std::expected<Valid, std::vector<Problem>>;

/// Reads the file, and looks at the files it names. `now` is what certificates are held against.
Loaded load(const std::filesystem::path& file, std::chrono::system_clock::time_point now);

/// As load(), but does not look at the files that it names: for whoever judges these by themselves.
Loaded load_without_files(const std::filesystem::path& file);

/// As load(), of text that is already at hand; `file` says where it would stand.
Loaded load_text(const std::string& text, const std::filesystem::path& file, std::chrono::system_clock::time_point now);

}  // namespace mpquic::config
