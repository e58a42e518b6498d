#pragma once

#include <optional>
#include <string>

#include "base/time.h"

namespace mpquic::system {

/// What has started this program and watches it: systemd, or whoever else speaks its protocol (sd_notify(3)). Each of
/// these tells it something; where nobody listens (no NOTIFY_SOCKET in the environment) they do nothing.
class ServiceManager {
 public:
  bool listens() const;
  /// The node works. Ends reloading(), too.
  void ready(const std::string& status) const;
  /// A change of the configuration has begun; ready() says that it is done, whether it was taken or refused.
  void reloading() const;
  void stopping() const;
  /// One line for `systemctl status`.
  void status(const std::string& line) const;

  /// How long it waits for alive() before it ends this process. nullopt: it doesn't.
  std::optional<Duration> watchdog_interval() const;
  void alive() const;
};

}  // namespace mpquic::system
