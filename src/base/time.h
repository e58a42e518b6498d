#pragma once

#include <chrono>
#include <cstdint>

namespace mpquic {

/// Time is handed in: the core never reads a clock (docs/architecture.md). Nanoseconds of CLOCK_MONOTONIC.
using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<Clock, Duration>;

/// A deadline that never comes.
inline constexpr Instant never = Instant::max();

}  // namespace mpquic
