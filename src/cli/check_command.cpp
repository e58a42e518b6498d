#include "cli/check_command.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "config/describe.h"

namespace mpquic::cli {

std::optional<config::Configuration> load_reported(const std::string& file) {
  auto loaded = config::load(file, std::chrono::system_clock::now());
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) fmt::print(stderr, "{}\n", config::to_string(file, problem));
    return std::nullopt;
  }
  for (config::Problem warning : loaded->warnings) {
    warning.text = "warning: " + warning.text;
    fmt::print(stderr, "{}\n", config::to_string(file, warning));
  }
  return std::move(loaded->configuration);
}

int check_command(const std::string& file) {
  const auto configuration = load_reported(file);
  if (!configuration) return 2;
  fmt::print("{}", config::describe(*configuration));
  return 0;
}

}  // namespace mpquic::cli
