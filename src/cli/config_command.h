#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic config convert FILE...`: flat instance files as one native file, on standard output.
void add_config_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
