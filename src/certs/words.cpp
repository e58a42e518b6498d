#include "certs/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace mpquic::certs {

using std::chrono::system_clock;

std::string hexadecimal(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

system_clock::time_point to_time_point(std::time_t time) {
  using std::chrono::seconds;
  constexpr auto limit = std::chrono::time_point_cast<seconds>(system_clock::time_point::max());
  return std::min(limit, std::chrono::sys_seconds(seconds(time)));
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    result += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return result.empty() ? "(no common name)" : result;
}

std::string count_days(std::chrono::days count) {
  return fmt::format("{} day{}", count.count(), count.count() == 1 ? "" : "s");
}

}  // namespace mpquic::certs
