#include "config/text_file.h"

#include <fstream>

namespace mpquic::config {
namespace {

constexpr std::size_t largest_file = 1 << 20;

}  // namespace

Result<std::string> read_text_file(const std::filesystem::path& file) {
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

}  // namespace mpquic::config
