#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <vector>

#include "packet/address.h"
#include "packet/ecn.h"
#include "sim/events.h"

namespace mpquic::sim {

/// A UDP payload on its way.
struct Parcel {
  std::vector<std::uint8_t> payload;
  packet::SocketAddress from, to;
};

/// One direction of a link. Rates are of what IP carries: 28 bytes of headers count.
struct LinkSettings {
  Duration delay{};
  Duration jitter{};  ///< up to so much more, without overtaking
  double rate = 0;    ///< bits a second; 0: any
  std::size_t queue =
      0;             ///< bytes that wait at most, drop-tail; 0: a bandwidth-delay product of 2 x delay, at least 30,000
  double loss = 0;   ///< share
  double burst = 1;  ///< so many at a time, on average
};

class Link {
 public:
  using Deliver = std::function<void(Parcel)>;

  Link(Events& events, const LinkSettings& settings, std::uint64_t seed, Deliver deliver)
      : events_(events), settings_(settings), random_(seed), deliver_(std::move(deliver)) {}

  LinkSettings& settings() { return settings_; }
  /// Nothing comes out until it is healed; what is on its way is lost too.
  void cut(bool is_cut) { cut_ = is_cut; }

  void send(Parcel parcel, Instant now) {
    ++sent_;
    if (cut_ || lose()) {
      ++lost_;
      return;
    }
    Instant out = now;
    if (settings_.rate > 0) {
      const double size = static_cast<double>(parcel.payload.size() + 28) * 8;
      const auto takes = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(size / settings_.rate));
      const Instant begins = std::max(now, free_at_);
      if (begins - now > drain_time()) {
        ++dropped_;
        return;
      }
      out = free_at_ = begins + takes;
    }
    Instant arrives = out + settings_.delay;
    if (settings_.jitter > Duration::zero()) {
      arrives += Duration(std::uniform_int_distribution<std::int64_t>(0, settings_.jitter.count())(random_));
    }
    arrives = last_ = std::max(arrives, last_);
    events_.at(arrives, [this, parcel = std::move(parcel)]() mutable {
      if (!cut_) deliver_(std::move(parcel));
    });
  }

  std::uint64_t sent() const { return sent_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  Duration drain_time() const {
    double bytes = static_cast<double>(settings_.queue);
    if (settings_.queue == 0) {
      bytes = std::max(30'000.0, settings_.rate / 8 * std::chrono::duration<double>(2 * settings_.delay).count());
    }
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(bytes * 8 / settings_.rate));
  }
  // Gilbert: bursts of geometric length.
  bool lose() {
    std::uniform_real_distribution<double> any(0, 1);
    if (settings_.loss <= 0) return false;
    if (settings_.burst <= 1) return any(random_) < settings_.loss;
    const double ends = 1 / settings_.burst;
    const double begins = settings_.loss * ends / (1 - settings_.loss);
    in_burst_ = in_burst_ ? any(random_) >= ends : any(random_) < begins;
    return in_burst_;
  }

  Events& events_;
  LinkSettings settings_;
  std::mt19937_64 random_;
  Deliver deliver_;
  Instant free_at_{};
  Instant last_{};
  bool cut_ = false;
  bool in_burst_ = false;
  std::uint64_t sent_ = 0, lost_ = 0, dropped_ = 0;
};

}  // namespace mpquic::sim
