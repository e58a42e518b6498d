#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/fd.h"

namespace mpquic::system {

/// The socket of a service manager, which NOTIFY_SOCKET in the environment names for as long as this lives.
class NotifySocket {
 public:
  NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    // An abstract name, which goes with the socket.
    const std::string name = "mpquic-notify-" + std::to_string(getpid());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path + 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  }
  ~NotifySocket() { unsetenv("NOTIFY_SOCKET"); }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  /// The next message; nullopt: none for so long.
  std::optional<std::string> receive(std::chrono::microseconds patience) {
    const auto microseconds = patience.count();
    const timeval timeout{.tv_sec = microseconds / 1'000'000, .tv_usec = microseconds % 1'000'000};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    std::array<char, 4096> buffer{};
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(got));
  }

 private:
  Fd socket_;
};

/// The watchdog that the environment asks for, while this lives.
class WatchdogInterval {
 public:
  explicit WatchdogInterval(std::chrono::microseconds interval, pid_t whose = getpid()) {
    setenv("WATCHDOG_USEC", std::to_string(interval.count()).c_str(), 1);
    setenv("WATCHDOG_PID", std::to_string(whose).c_str(), 1);
  }
  ~WatchdogInterval() {
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
  }
  WatchdogInterval(const WatchdogInterval&) = delete;
  WatchdogInterval& operator=(const WatchdogInterval&) = delete;
};

}  // namespace mpquic::system
