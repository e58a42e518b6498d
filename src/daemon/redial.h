#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace mpquic::daemon {

/// When to try again to connect: at once the first time, then ever later, never more than five seconds after the last
/// try. Jitter keeps a thousand boxes from coming back in step when their server does.
class Redial {
 public:
  static constexpr Duration first = std::chrono::milliseconds(100);
  static constexpr Duration most = std::chrono::seconds(4);
  static constexpr Duration stable_after = std::chrono::seconds(1);

  /// `jitter`: 0..1, random. `tried_at`: when the last try began.
  Instant next(Instant tried_at, double jitter, Instant now) {
    if (delay_ == Duration::zero()) {
      delay_ = first;
      return now;
    }
    const auto spread = std::chrono::duration_cast<Duration>(delay_ * (0.75 + 0.5 * jitter));
    delay_ = std::min(2 * delay_, most);
    return std::max(now, tried_at + spread);
  }
  /// A connection stood until now, for so long. One that fell at once is no success: two boxes with the same tunnel
  /// address would take it from each other as fast as they can.
  void stood(Duration duration) {
    if (duration >= stable_after) start_over();
  }
  /// What failed says nothing about the next try.
  void start_over() { delay_ = Duration::zero(); }

 private:
  Duration delay_{};
};

}  // namespace mpquic::daemon
