#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "packet/socket_address.h"
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
  Duration jitter{};           ///< up to so much more, without overtaking
  double rate = 0;             ///< bits a second; 0: any
  std::size_t queue = 0;       ///< bytes that wait at most, drop-tail; 0: what 2 x delay carries, at least 30,000
  double loss = 0;             ///< share
  double burst = 1;            ///< so many are lost at a time, on average
  double reordering = 0;       ///< share of parcels that let others overtake
  Duration overtaken{};        ///< by coming up to so much later
  double duplication = 0;      ///< share of parcels that arrive twice
  std::size_t largest = 1472;  ///< payload bytes; what is larger is lost
};

/// What has become of the parcels of a link so far.
struct LinkCounts {
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;     ///< by chance, too large, or cut off
  std::uint64_t dropped = 0;  ///< by the queue
  std::uint64_t arrived = 0;  ///< duplicates too
};

class Link {
 public:
  using Deliver = std::function<void(Parcel)>;

  Link(Events& events, const LinkSettings& settings, std::uint64_t seed, Deliver deliver)
      : events_(events), settings_(settings), random_(seed), deliver_(std::move(deliver)) {}

  /// May be changed under way. What is in the queue already leaves at the former rate.
  LinkSettings& settings() { return settings_; }
  /// Nothing comes out until it is healed; what is on its way is lost too.
  void cut(bool is_cut) { cut_ = is_cut; }
  bool is_cut() const { return cut_; }

  void send(Parcel parcel, Instant now);
  const LinkCounts& counts() const { return counts_; }

 private:
  void arrive(Instant when, Parcel parcel);
  Duration drain_time() const;
  bool lose(Instant now);
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  /// Anything up to the longest.
  Duration up_to(Duration longest);

  Events& events_;
  LinkSettings settings_;
  std::mt19937_64 random_;
  Deliver deliver_;
  Instant free_at_{};
  Instant last_{};
  bool cut_ = false;
  bool in_burst_ = false;
  Instant sent_at_{};
  LinkCounts counts_;
};

}  // namespace mpquic::sim
