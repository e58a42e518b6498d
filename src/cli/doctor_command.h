#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic doctor FILE`: what stands between this node and working tunnels, and the mend, whether the node runs or not.
/// Exits with 0 when nothing is wrong, 1 when there is a problem, 2 when the configuration is wrong.
void add_doctor_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
