#include "cli/doctor_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include "config/load.h"
#include "doctor/examine.h"
#include "doctor/observe.h"

namespace mpquic::cli {
namespace {

constexpr int nothing_wrong = 0;
constexpr int problems_found = 1;
constexpr int wrong_configuration = 2;

struct DoctorArguments {
  std::string file;
  bool json = false;
};

int run(const DoctorArguments& arguments) {
  const auto loaded = config::load_without_files(arguments.file);
  if (!loaded) {
    for (const auto& problem : loaded.error()) {
      fmt::print(stderr, "{}\n", config::to_string(arguments.file, problem));
    }
    return wrong_configuration;
  }
  doctor::Findings findings = doctor::examine(loaded->configuration, doctor::observe(loaded->configuration));
  for (const auto& warning : loaded->warnings) {
    findings.push_back({doctor::Severity::warning, config::to_string(arguments.file, warning), {}});
  }
  doctor::put_worst_first(findings);
  fmt::print("{}", arguments.json ? doctor::to_json_text(findings) + "\n" : doctor::to_text(findings));
  const bool wrong =
      std::ranges::find(findings, doctor::Severity::problem, &doctor::Finding::severity) != findings.end();
  return wrong ? problems_found : nothing_wrong;
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_status) {
  auto* command = app.add_subcommand("doctor", "What stands between this node and working tunnels, and the mend");
  const auto arguments = std::make_shared<DoctorArguments>();
  command->add_option("FILE", arguments->file, "configuration file")->required();
  command->add_flag("--json", arguments->json, "As JSON");
  command->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace mpquic::cli
