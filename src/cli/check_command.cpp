#include "cli/check_command.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

#include "config/describe.h"
#include "config/find_file.h"

namespace mpquic::cli {

std::optional<config::Valid> load_reported(const std::filesystem::path& file) {
  auto loaded = config::load(file, std::chrono::system_clock::now());
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) fmt::print(stderr, "{}\n", config::to_string(file, problem));
    return std::nullopt;
  }
  for (config::Problem warning : loaded->warnings) {
    warning.text = "warning: " + warning.text;
    fmt::print(stderr, "{}\n", config::to_string(file, warning));
  }
  return std::move(*loaded);
}

std::optional<config::Configuration> load_argument(const std::string& argument) {
  const auto file = config::find_file(argument);
  if (!file) {
    fmt::print(stderr, "mpquic: {}\n", file.error().message);
    return std::nullopt;
  }
  auto loaded = load_reported(*file);
  if (!loaded) return std::nullopt;
  return std::move(loaded->configuration);
}

int check_command(const std::string& argument) {
  const auto configuration = load_argument(argument);
  if (!configuration) return 2;
  fmt::print("{}", config::describe(*configuration));
  return 0;
}

}  // namespace mpquic::cli
