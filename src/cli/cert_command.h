#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic cert ca|server|client|revoke|show`. A subcommand that ran sets exit_status: 0 done, 1 failed, with a line on
/// standard error. Wrong usage is CLI11's ParseError out of app.parse(). exit_status must outlive the parsing.
void add_cert_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
