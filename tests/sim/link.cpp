#include "sim/link.h"

#include <algorithm>
#include <utility>

namespace mpquic::sim {
namespace {

constexpr std::size_t headers = 28;                                // IPv4 and UDP
constexpr Duration longest_pause = std::chrono::milliseconds(50);  // in a burst of losses
constexpr double least_queue = 30'000;

Duration duration(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

void Link::send(Parcel parcel, Instant now) {
  ++counts_.sent;
  if (cut_ || parcel.payload.size() > settings_.largest || lose(now)) {
    ++counts_.lost;
    return;
  }
  Instant out = now;
  if (settings_.rate > 0) {
    const Instant begins = std::max(now, free_at_);
    if (begins - now > drain_time()) {
      ++counts_.dropped;
      return;
    }
    out = free_at_ = begins + duration(static_cast<double>(parcel.payload.size() + headers) * 8 / settings_.rate);
  }
  // Nothing is drawn for what is switched off: a link's fate is that of its seed and settings alone.
  Instant arrives = std::max(out + settings_.delay + up_to(settings_.jitter), last_);
  if (settings_.duplication > 0 && chance() < settings_.duplication) arrive(arrives, parcel);
  if (settings_.reordering > 0 && chance() < settings_.reordering) {
    arrives += up_to(settings_.overtaken);
  } else {
    last_ = arrives;
  }
  arrive(arrives, std::move(parcel));
}

void Link::arrive(Instant when, Parcel parcel) {
  events_.at(when, [this, parcel = std::move(parcel)]() mutable {
    if (cut_) {
      ++counts_.lost;
      return;
    }
    ++counts_.arrived;
    deliver_(std::move(parcel));
  });
}

Duration Link::drain_time() const {
  double bytes = static_cast<double>(settings_.queue);
  if (settings_.queue == 0) {
    bytes = std::max(least_queue, settings_.rate / 8 * std::chrono::duration<double>(2 * settings_.delay).count());
  }
  return duration(bytes * 8 / settings_.rate);
}

Duration Link::up_to(Duration longest) {
  if (longest <= Duration::zero()) return {};
  return Duration(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random_));
}

// Gilbert: bursts of geometric length. What causes one is over after a while, however little is sent.
bool Link::lose(Instant now) {
  if (settings_.loss <= 0) return false;
  if (settings_.burst <= 1) return chance() < settings_.loss;
  if (now - sent_at_ > longest_pause) in_burst_ = false;
  sent_at_ = now;
  const double ends = 1 / settings_.burst;
  const double begins = settings_.loss * ends / (1 - settings_.loss);
  in_burst_ = in_burst_ ? chance() >= ends : chance() < begins;
  return in_burst_;
}

}  // namespace mpquic::sim
