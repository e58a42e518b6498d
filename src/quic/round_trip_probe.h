#pragma once

#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace mpquic::quic {

/// Whether BBR sends less than the path takes, to see its round trip without a queue: PROBE_RTT, for a round trip and
/// 200 ms every five seconds (draft-ietf-ccwg-bbr, 5.3.4). ngtcp2 does not tell; but its window is then half of what
/// the path holds, from one moment to the next, and nothing else that passes soon takes so much off at once.
class RoundTripProbe {
 public:
  /// `window`: of the congestion control now, in bytes. True while it lasts.
  bool follow(std::uint64_t window, Instant now) {
    const bool low = static_cast<double>(window) < most * static_cast<double>(usual_);
    if (low && !runs_) began_ = now;
    runs_ = low && now - began_ < longest;
    if (!runs_) usual_ = window;
    return runs_;
  }

 private:
  static constexpr double most = 0.6;  ///< of the usual window; a loss leaves 0.7
  static constexpr Duration longest = std::chrono::seconds(1);

  std::uint64_t usual_ = 0;
  Instant began_{};
  bool runs_ = false;
};

}  // namespace mpquic::quic
