#include "config/load.h"

#include <fstream>

#include "base/result.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/validate.h"

namespace mpquic::config {
namespace {

constexpr std::size_t largest_file = 1 << 20;

Result<std::string> read_file(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (std::filesystem::is_directory(status)) return failure("is a directory, not a configuration file");
  if (!std::filesystem::exists(status)) return failure("{}", error ? error.message() : "No such file or directory");
  if (!std::filesystem::is_regular_file(status)) return failure("is not a regular file");

  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return os_failure("can't open");
  std::string text(largest_file + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return os_failure("can't read");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > largest_file) return failure("is larger than {} bytes", largest_file);
  return text;
}

}  // namespace

Loaded load(const std::filesystem::path& file, std::chrono::system_clock::time_point now) {
  const auto text = read_file(file);
  if (!text) return std::unexpected(std::vector{Problem{0, 0, text.error().message}});
  return load_text(*text, file, now);
}

Loaded load_text(const std::string& text, const std::filesystem::path& file,
                 std::chrono::system_clock::time_point now) {
  Problems problems;
  const Node root = parse_document(text, problems);
  if (root.kind != Node::Kind::refused) {
    Configuration configuration = read_configuration(root, file, problems);
    validate(configuration, problems);
    check_files(configuration, now, problems);
    if (!problems.any_errors()) return Valid{std::move(configuration), problems.warnings()};
  }
  return std::unexpected(problems.errors());
}

}  // namespace mpquic::config
