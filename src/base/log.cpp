#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <string>

namespace mpquic {

std::optional<LogLevel> parse_log_level(std::string_view text) {
  if (text == "error") return LogLevel::error;
  if (text == "warning" || text == "warn") return LogLevel::warning;
  if (text == "info") return LogLevel::info;
  if (text == "debug") return LogLevel::debug;
  return std::nullopt;
}

namespace log {
namespace {

// The one piece of process-wide state besides standard error itself, which it belongs to.
std::atomic<LogLevel> current_level = LogLevel::info;

std::string opening(LogLevel level) {
  constexpr std::array priorities = {3, 4, 6, 7};  // syslog(3)
  constexpr std::array names = {"error", "warning", "info", "debug"};
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  if (journal) return fmt::format("<{}>", priorities[static_cast<std::size_t>(level)]);
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  localtime_r(&now.tv_sec, &parts);
  return fmt::format("{:02}:{:02}:{:02}.{:03} {:<7} ", parts.tm_hour, parts.tm_min, parts.tm_sec,
                     now.tv_nsec / 1'000'000, names[static_cast<std::size_t>(level)]);
}

}  // namespace

void set_level(LogLevel level) { current_level.store(level, std::memory_order_relaxed); }
bool enabled(LogLevel level) { return level <= current_level.load(std::memory_order_relaxed); }

void write(LogLevel level, std::string_view line) {
  const std::string text = fmt::format("{}{}\n", opening(level), line);
  // A log that can't be written (a full disk, a closed pipe) must not stop the tunnel.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace log
}  // namespace mpquic
