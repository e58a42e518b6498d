#include "cli/config_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/check_command.h"
#include "config/find_file.h"
#include "config/merge.h"
#include "config/native_writer.h"

namespace mpquic::cli {
namespace {

constexpr int done = 0;
constexpr int wrong_usage = 2;

int refuse(const std::string& message) {
  fmt::print(stderr, "mpquic: {}\n", message);
  return wrong_usage;
}

/// The files' checks look at one tunnel each; this says what only shows when they stand together.
int print(const std::string& native) {
  const auto loaded = config::load_text(native, "converted.yaml", std::chrono::system_clock::now());
  if (!loaded) return refuse(fmt::format("these files can't be one node: {}", loaded.error().front().text));
  fmt::print("{}", native);
  return done;
}

int convert(const std::vector<std::string>& arguments) {
  std::vector<config::Instance> instances;
  for (const std::string& argument : arguments) {
    const auto found = config::find_file(argument);
    if (!found) return refuse(found.error().message);
    // Wherever the native file is going to stand, it means the same files.
    const std::filesystem::path file = std::filesystem::absolute(*found);
    auto loaded = load_reported(file);
    if (!loaded) return wrong_usage;
    if (!loaded->flat) return refuse(fmt::format("{} is a native configuration already", found->string()));
    instances.push_back({*found, std::move(loaded->configuration)});
  }
  const auto merged = config::merge(instances);
  return merged ? print(config::to_native(*merged)) : refuse(merged.error().message);
}

}  // namespace

void add_config_command(CLI::App& app, int& exit_status) {
  auto* config = app.add_subcommand("config", "Work on configuration files");
  config->require_subcommand(1);
  auto* command = config->add_subcommand("convert", "Write flat instance files as one native file");
  auto files = std::make_shared<std::vector<std::string>>();
  command->add_option("FILE", *files, "flat instance file, or NAME of one in /etc/mpquic/instances")->required();
  command->callback([&exit_status, files] { exit_status = convert(*files); });
}

}  // namespace mpquic::cli
