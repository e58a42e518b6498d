#include "lateness.h"

#include <algorithm>
#include <bit>

namespace linkem {
namespace {

// The four bits behind the leading one number the bucket within its octave.
std::size_t bucket(std::uint64_t nanoseconds) {
  const auto value = std::max<std::uint64_t>(nanoseconds, 16);
  const auto octave = static_cast<std::size_t>(std::bit_width(value)) - 1;
  return octave * 16 + ((value >> (octave - 4)) & 15);
}

mpquic::Duration upper_bound(std::size_t bucket) {
  const auto octave = bucket / 16;
  const std::uint64_t bound = (std::uint64_t{17} + bucket % 16) << (octave - 4);
  return mpquic::Duration(static_cast<mpquic::Duration::rep>(bound - 1));
}

}  // namespace

void Lateness::add(mpquic::Duration late) {
  late = std::max(late, mpquic::Duration{});
  ++buckets_[bucket(static_cast<std::uint64_t>(late.count()))];
  ++count_;
  max_ = std::max(max_, late);
}

mpquic::Duration Lateness::quantile(double share) const {
  if (count_ == 0) return {};
  const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (buckets_[i] != 0 && seen >= wanted) return std::min(upper_bound(i), max_);
  }
  return max_;
}

}  // namespace linkem
