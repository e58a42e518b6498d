#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic net apply|remove|status|diff FILE`: the kernel state of a node alone, without running it. diff exits with 0
/// when there is nothing to change and with 1 when there is.
void add_net_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
