#include "config/problems.h"

#include <algorithm>
#include <tuple>

namespace mpquic::config {
namespace {

std::vector<Problem> in_file_order(std::vector<Problem> problems) {
  std::ranges::sort(problems, {},
                    [](const Problem& one) { return std::tie(one.file, one.line, one.column, one.text); });
  const auto repeated = std::ranges::unique(problems);
  problems.erase(repeated.begin(), repeated.end());
  return problems;
}

}  // namespace

std::string to_string(const std::filesystem::path& file, const Problem& problem) {
  const std::string name = problem.file.empty() ? file.string() : problem.file.string();
  if (problem.line == 0) return fmt::format("{}: {}", name, problem.text);
  return fmt::format("{}:{}:{}: {}", name, problem.line, problem.column, problem.text);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string result = "\"";
  for (const char character : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += character;
    }
  }
  return result + (text.size() > longest ? "...\"" : "\"");
}

std::vector<Problem> Problems::errors() const { return in_file_order(errors_); }

std::vector<Problem> Problems::warnings() const { return in_file_order(warnings_); }

}  // namespace mpquic::config
