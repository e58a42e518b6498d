#pragma once

#include <CLI/App.hpp>

namespace mpquic::cli {

/// `mpquic token new`. exit_status as of add_cert_command().
void add_token_command(CLI::App& app, int& exit_status);

}  // namespace mpquic::cli
