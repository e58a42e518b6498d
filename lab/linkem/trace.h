#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace linkem {

/// A recorded link capacity in the format of mahimahi: every line is a whole number of milliseconds since the start, in
/// order, and stands for one chance to deliver a frame's worth of bytes. The last line is also the length of the trace,
/// which then begins again.
class Trace {
 public:
  /// What one line can carry: an Ethernet frame of MTU 1500, without FCS.
  static constexpr std::uint32_t opportunity_bytes = 1514;

  static mpquic::Result<Trace> load(const std::string& path);
  static mpquic::Result<Trace> parse(std::istream& text);

  /// The n-th opportunity, counted through all repetitions, as time since the start.
  mpquic::Duration at(std::uint64_t n) const;
  /// Number of the first opportunity that is not before `since_start`.
  std::uint64_t first_from(mpquic::Duration since_start) const;
  /// Mean capacity in bits a second.
  std::uint64_t mean_rate() const;

 private:
  std::vector<mpquic::Duration> times_;
};

}  // namespace linkem
