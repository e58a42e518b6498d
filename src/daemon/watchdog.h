#pragma once

#include <functional>
#include <string>

#include "daemon/node.h"
#include "system/service_manager.h"

namespace mpquic::daemon {

/// Tells the service manager, about once a second, that the node is alive, and how it is when that is news. Each time
/// it asks every worker first and waits for them all: so when the control thread or any worker hangs, silence follows,
/// and the service manager ends the process. On the control thread.
class Watchdog {
 public:
  /// `summary` is what `systemctl status` shows. What it is given outlives it, and it outlives the control thread's
  /// mailbox being read.
  Watchdog(const system::ServiceManager& manager, const ControlTools& tools, std::function<std::string()> summary);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Says nothing any more.
  void stop();

 private:
  void ask();
  void answered();

  const system::ServiceManager& manager_;
  ControlTools tools_;
  std::function<std::string()> summary_;
  Duration interval_;
  Timer timer_;
  std::string told_;
  bool stopped_ = false;
};

}  // namespace mpquic::daemon
