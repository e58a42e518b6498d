#include "system/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>

namespace mpquic::system {
namespace {

// What it does not hear it misses as it would miss any other silence of ours: there is nothing to do about an error.
void tell(const std::string& lines) { sd_notify(0, lines.c_str()); }

// A line break would end the status and begin another assignment.
std::string one_line(std::string text) {
  for (char& character : text) {
    if (character == '\n') character = ' ';
  }
  return text;
}

}  // namespace

bool ServiceManager::listens() const { return std::getenv("NOTIFY_SOCKET") != nullptr; }

void ServiceManager::ready(const std::string& status) const {
  tell(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

void ServiceManager::reloading() const {
  // systemd compares it with CLOCK_MONOTONIC, which is what Clock is (base/time.h).
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

void ServiceManager::stopping() const { tell("STOPPING=1\nSTATUS=stopping"); }

void ServiceManager::status(const std::string& line) const { tell("STATUS=" + one_line(line)); }

std::optional<Duration> ServiceManager::watchdog_interval() const {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

void ServiceManager::alive() const { tell("WATCHDOG=1"); }

}  // namespace mpquic::system
