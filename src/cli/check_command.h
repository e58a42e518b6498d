#pragma once

#include <optional>
#include <string>

#include "config/load.h"

namespace mpquic::cli {

/// Reads a configuration as every command does: what is wrong or worth a warning goes to standard error, one a line as
/// `file:line:column: text`. nullopt: it can't be run.
std::optional<config::Configuration> load_reported(const std::string& file);

/// `mpquic check FILE`: problems or warnings on standard error, one a line as `file:line:column: text`; what would be
/// set up on standard output. The exit status: 0, or 2 when the configuration can't be run.
int check_command(const std::string& file);

}  // namespace mpquic::cli
