#pragma once

#include <array>
#include <cstdint>

#include "base/time.h"

namespace linkem {

/// How much later than due packets were sent, in buckets a sixteenth of an octave wide (an error of at most 6 %).
class Lateness {
 public:
  void add(mpquic::Duration late);

  /// The bound that `share` (0..1) of all packets kept; zero if there were none.
  mpquic::Duration quantile(double share) const;
  mpquic::Duration max() const { return max_; }

 private:
  std::array<std::uint64_t, 64 * 16> buckets_{};
  std::uint64_t count_ = 0;
  mpquic::Duration max_{};
};

}  // namespace linkem
