#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/place.h"
#include "config/problems.h"

namespace mpquic::config {

/// The variables of a flat instance file NAME.yaml: what NAME.env and global.env in its folder say, the former winning.
/// The environment of the process is not looked at, so that `mpquic check` says the same whoever runs it.
class Environment {
 public:
  /// Of the two files those that are there. What is wrong with them is reported at their own lines.
  static Environment beside(const std::filesystem::path& instance, Problems& problems);

  /// Adds the variables of a file's text; known ones stay as they are. A line is empty, a `# comment` or
  /// `[export] KEY=VALUE`; a value may be in quotes, of which the double ones know \", \\ and \$.
  void add(std::string_view text, const std::filesystem::path& file, Problems& problems);

  /// nullptr: there is no such variable.
  const std::string* find(std::string_view name) const;
  /// The text with each ${NAME} replaced.
  Result<std::string> expand(std::string_view text) const;
  /// "NAME.env nor global.env".
  const std::string& files() const { return files_; }

 private:
  std::string files_ = "NAME.env nor global.env";
  std::map<std::string, std::string, std::less<>> variables_;
};

}  // namespace mpquic::config
