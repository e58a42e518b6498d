#pragma once

#include <cstdint>

#include "base/time.h"
#include "tunnel/sequence_header.h"
#include "tunnel/smoothed.h"

namespace mpquic::tunnel {

/// Microseconds of a clock that wraps, as sequence headers have them.
inline std::uint32_t microseconds(Instant now) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
}

/// How long packets take over a path, as far as that can be told without a common clock: the difference of the two is
/// unknown, but the same for all paths.
class PathDelay {
 public:
  /// A packet with this `sent_at` has come.
  void arrived(std::uint32_t sent_at, Instant now) {
    // Nothing is overtaken for so long: what comes after a pause was sent later, though the numbers have gone round.
    if (!begun_ || distance(sent_at, newest_) > 0 || now - newest_at_ > std::chrono::seconds(1)) {
      newest_ = sent_at;
      newest_at_ = now;
    }
    const std::uint32_t difference = microseconds(now) - sent_at;
    if (!begun_) base_ = difference;
    begun_ = true;
    delay_.sample(std::chrono::microseconds(distance(difference, base_)));
  }
  bool known() const { return begun_; }
  /// Whether something has come that was sent after that.
  bool has_passed(std::uint32_t sent_at) const { return begun_ && distance(newest_, sent_at) >= 0; }
  /// When what was sent then has most probably come, if it comes at all; on the receiver's clock that wraps.
  std::uint32_t arrival_of(std::uint32_t sent_at) const { return sent_at + base_ + in_microseconds(delay_.high()); }
  /// How much longer it takes than over the other one.
  Duration more_than(const PathDelay& other) const {
    return std::chrono::microseconds(
        distance(base_ + in_microseconds(delay_.mean()), other.base_ + in_microseconds(other.delay_.mean())));
  }

 private:
  static std::uint32_t in_microseconds(Duration duration) {
    return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  }

  Smoothed delay_;  ///< above base_
  std::uint32_t base_ = 0;
  std::uint32_t newest_ = 0;  ///< sent_at
  Instant newest_at_{};
  bool begun_ = false;
};

}  // namespace mpquic::tunnel
