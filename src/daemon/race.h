#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "packet/socket_address.h"

namespace mpquic::daemon {

/// In which order and when a server's addresses are tried, when it has several (RFC 8305, 5): one address that leads
/// nowhere does not delay the next for long. Each is tried once; who wins is decided elsewhere.
class Race {
 public:
  /// RFC 8305, 8: the recommended Connection Attempt Delay.
  static constexpr Duration attempt_delay = std::chrono::milliseconds(250);
  static constexpr std::size_t most_at_a_time = 4;

  using Addresses = std::vector<packet::SocketAddress>;

  void start_over() { *this = Race(); }

  /// The one of `candidates`, best first, that is to be tried now while `running` others are; nullopt: none yet, or
  /// none any more.
  std::optional<packet::SocketAddress> next(const Addresses& candidates, std::size_t running, Instant now) {
    if (now < due(candidates, running)) return std::nullopt;
    const packet::SocketAddress server = *first_untried(candidates);
    tried_.push_back(server);
    next_at_ = now + attempt_delay;
    return server;
  }
  /// When next() has one, if none of the running ones ends before.
  Instant due(const Addresses& candidates, std::size_t running) const {
    return running < most_at_a_time && first_untried(candidates) != candidates.end() ? next_at_ : never;
  }
  /// One of those that run has ended: the next one need not wait. `telling`: the reason says more than that nobody has
  /// answered.
  void failed(std::string reason, bool telling) {
    next_at_ = Instant::min();
    if (telling_ && !telling) return;
    reason_ = std::move(reason);
    telling_ = telling;
  }
  /// Of those that have failed, the last one's that tells something.
  const std::string& reason() const { return reason_; }

 private:
  Addresses::const_iterator first_untried(const Addresses& candidates) const {
    return std::ranges::find_if(candidates,
                                [&](const auto& one) { return std::ranges::find(tried_, one) == tried_.end(); });
  }

  Addresses tried_;
  Instant next_at_ = Instant::min();
  std::string reason_ = "the server has no address of a family that the link has";
  bool telling_ = false;
};

}  // namespace mpquic::daemon
