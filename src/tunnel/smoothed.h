#pragma once

#include <chrono>

#include "base/time.h"

namespace mpquic::tunnel {

/// A duration that is measured again and again, smoothed as RFC 6298 (2) does it.
class Smoothed {
 public:
  void sample(Duration value) {
    if (!known_) {
      known_ = true;
      mean_ = value;
      variance_ = std::chrono::abs(value) / 2;
      return;
    }
    variance_ += (std::chrono::abs(value - mean_) - variance_) / 4;
    mean_ += (value - mean_) / 8;
  }
  bool known() const { return known_; }
  Duration mean() const { return mean_; }
  /// Seldom more than this.
  Duration high() const { return mean_ + 4 * variance_; }

 private:
  Duration mean_{};
  Duration variance_{};
  bool known_ = false;
};

}  // namespace mpquic::tunnel
