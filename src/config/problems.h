#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/place.h"

namespace mpquic::config {

/// What is wrong and, where that can be guessed, what was meant: one line, without file name and full stop.
struct Problem {
  unsigned line = 0;  ///< from 1; 0 for the file as a whole
  unsigned column = 0;
  std::string text;
  std::filesystem::path file{};  ///< empty: the configuration file itself

  Place place() const { return {line, column}; }
  auto operator<=>(const Problem&) const = default;
};

/// "FILE:LINE:COLUMN: TEXT", or "FILE: TEXT" of the file as a whole. `file`: the configuration file.
std::string to_string(const std::filesystem::path& file, const Problem& problem);

/// In double quotes, shortened when long, and without anything that a terminal would obey.
std::string in_quotes(std::string_view text);

/// Gathers what all readers and checks find, so that one run reports everything.
class Problems {
 public:
  template <class... Args>
  void error(Place place, fmt::format_string<Args...> format, Args&&... args) {
    error({}, place, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(const std::filesystem::path& file, Place place, fmt::format_string<Args...> format, Args&&... args) {
    errors_.push_back({place.line, place.column, fmt::format(format, std::forward<Args>(args)...), file});
  }
  template <class... Args>
  void warning(Place place, fmt::format_string<Args...> format, Args&&... args) {
    warnings_.push_back({place.line, place.column, fmt::format(format, std::forward<Args>(args)...), {}});
  }

  bool any_errors() const { return !errors_.empty(); }
  /// The configuration file first, each in the order of the file, none twice.
  std::vector<Problem> errors() const;
  std::vector<Problem> warnings() const;

 private:
  std::vector<Problem> errors_;
  std::vector<Problem> warnings_;
};

}  // namespace mpquic::config
