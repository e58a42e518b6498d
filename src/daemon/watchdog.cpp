#include "daemon/watchdog.h"

#include <algorithm>

#include "daemon/ask_workers.h"

namespace mpquic::daemon {
namespace {

constexpr Duration usual_interval = std::chrono::seconds(1);
// What is lost of so many signs of life in a row is no reason to end the process.
constexpr int signs_in_time = 3;

}  // namespace

Watchdog::Watchdog(const system::ServiceManager& manager, const ControlTools& tools,
                   std::function<std::string()> summary)
    : manager_(manager),
      tools_(tools),
      summary_(std::move(summary)),
      interval_(std::min(usual_interval, manager.watchdog_interval().value_or(never - Instant()) / signs_in_time)),
      timer_([this] { ask(); }) {
  if (manager_.listens()) ask();
}

void Watchdog::stop() {
  stopped_ = true;
  tools_.timers.set(timer_, never);
}

void Watchdog::ask() {
  ask_workers<int>(tools_, [](std::size_t) { return 0; }, [this](const std::vector<int>&) { answered(); });
}

void Watchdog::answered() {
  if (stopped_) return;
  manager_.alive();
  if (std::string summary = summary_(); summary != told_) {
    manager_.status(summary);
    told_ = std::move(summary);
  }
  tools_.timers.set(timer_, tools_.loop.now() + interval_);
}

}  // namespace mpquic::daemon
