#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/cert_command.h"
#include "cli/check_command.h"
#include "cli/config_command.h"
#include "cli/doctor_command.h"
#include "cli/net_command.h"
#include "cli/status_command.h"
#include "cli/token_command.h"
#include "daemon/node.h"

namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

int run(const std::string& argument) {
  const auto configuration = mpquic::cli::load_argument(argument);
  if (!configuration) return wrong_usage;
  mpquic::log::set_level(configuration->log_level);
  if (auto ran = mpquic::daemon::run(*configuration); !ran) {
    mpquic::log::error("{}", ran.error().message);
    return failed;
  }
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"mpquic: a multi-WAN IP tunnel over QUIC", "mpquic"};
  app.set_version_flag("--version", "mpquic " MPQUIC_VERSION);
  app.require_subcommand(1);
  int exit_status = done;

  std::string file;
  auto* run_command = app.add_subcommand("run", "Run this node until it is told to stop");
  run_command->add_option("FILE", file, "configuration file, or NAME of one in /etc/mpquic")->required();
  run_command->callback([&] { exit_status = run(file); });
  auto* check_command = app.add_subcommand("check", "Parse and validate a configuration; say what would be set up");
  check_command->add_option("FILE", file, "configuration file, or NAME of one in /etc/mpquic")->required();
  check_command->callback([&] { exit_status = mpquic::cli::check_command(file); });
  mpquic::cli::add_status_command(app, exit_status);
  mpquic::cli::add_net_command(app, exit_status);
  mpquic::cli::add_config_command(app, exit_status);
  mpquic::cli::add_doctor_command(app, exit_status);
  mpquic::cli::add_cert_command(app, exit_status);
  mpquic::cli::add_token_command(app, exit_status);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? done : wrong_usage;
  }
  return exit_status;
}
