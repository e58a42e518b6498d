#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/load.h"

namespace mpquic::cli {

/// Reads a configuration as every command does: what is wrong or worth a warning goes to standard error, one a line as
/// `file:line:column: text`. nullopt: it can't be run.
std::optional<config::Valid> load_reported(const std::filesystem::path& file);

/// As above, of a command's argument FILE: a file's name, or the NAME of one in /etc/mpquic.
std::optional<config::Configuration> load_argument(const std::string& argument);

/// `mpquic check FILE`: problems or warnings on standard error, one a line as `file:line:column: text`; what would be
/// set up on standard output. The exit status: 0, or 2 when the configuration can't be run.
int check_command(const std::string& argument);

}  // namespace mpquic::cli
