#pragma once

#include <algorithm>

#include "base/time.h"

namespace mpquic {

/// Lets `rate` things through a second, and `burst` at once after a rest.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  /// Takes a token; false: there is none.
  bool take(Instant now) {
    tokens_ = filled(now);
    last_ = std::max(last_, now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  /// As if nothing had been taken for a long time.
  bool full(Instant now) const { return filled(now) >= burst_; }

 private:
  double filled(Instant now) const {
    if (now <= last_) return tokens_;
    return std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
  }

  double rate_;
  double burst_;
  double tokens_;
  Instant last_{};
};

}  // namespace mpquic
