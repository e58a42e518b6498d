#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "base/time.h"
#include "packet/udp_batch.h"

namespace mpquic::quic {

/// A UDP payload under way.
struct Parcel {
  std::vector<std::uint8_t> payload;
  packet::SocketAddress from, to;
  packet::Ecn ecn = packet::Ecn::not_ect;
};

/// One direction of a link, under a virtual clock: the same seed, the same fate for each parcel.
class Wire {
 public:
  struct Conditions {
    Duration delay = std::chrono::milliseconds(10);
    Duration jitter{};           ///< added to the delay, 0 to this, anew for each parcel: reordering
    double loss = 0;             ///< 0 to 1
    std::size_t largest = 1472;  ///< payload bytes; what is larger is lost
    bool marks = false;          ///< ECN-capable parcels get Congestion Experienced
  };

  explicit Wire(std::uint32_t seed) : random_(seed) {}

  void send(Parcel parcel, Instant now) {
    ++sent_;
    if (tap) tap(parcel);
    if (parcel.payload.size() > conditions.largest) return;
    // Drawn whether they matter or not, so that one condition does not change what another does.
    const double fate = fraction_(random_), lateness = fraction_(random_);
    if (fate < conditions.loss) return;
    if (conditions.marks && parcel.ecn != packet::Ecn::not_ect) parcel.ecn = packet::Ecn::ce;
    const auto late = std::chrono::duration_cast<Duration>(conditions.jitter * lateness);
    under_way_.emplace(now + conditions.delay + late, std::move(parcel));
  }
  /// The next that has arrived.
  std::optional<Parcel> arrive(Instant now) {
    if (under_way_.empty() || under_way_.begin()->first > now) return std::nullopt;
    return std::move(under_way_.extract(under_way_.begin()).mapped());
  }
  /// When arrive() gives something.
  Instant next() const { return under_way_.empty() ? never : under_way_.begin()->first; }
  /// Parcels sent, lost ones too.
  std::uint64_t sent() const { return sent_; }

  Conditions conditions;
  std::function<void(const Parcel&)> tap;  ///< sees all that is sent, lost or not

 private:
  std::minstd_rand random_;
  std::uniform_real_distribution<double> fraction_{0, 1};
  std::multimap<Instant, Parcel> under_way_;
  std::uint64_t sent_ = 0;
};

}  // namespace mpquic::quic
