#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic status [NAME|PATH...] [--json] [--watch]`: asks the running nodes, without names all that have a control
/// socket in /run/mpquic. Sets exit_status: 0, or 1 when one that was named, or all, did not answer, with a line on
/// standard error. Wrong usage is CLI11's ParseError out of app.parse(). exit_status must outlive the parsing.
void add_status_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
