#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "sim/events.h"
#include "sim/host.h"

namespace mpquic::sim {

/// One TCP connection with endless data, as Linux would send it: CUBIC (RFC 9438) with HyStart's exit from slow start,
/// SACK, RACK (RFC 8985) with a reordering window that grows with DSACKs, undo of what was no loss, retransmission
/// timeout of 200 ms at least. Counted in segments.
class Tcp {
 public:
  static constexpr std::size_t segment_size = 1300;  ///< at first

  /// From `sender`'s LAN to `receiver`'s. `port` tells flows apart.
  Tcp(Events& events, Host& sender, Host& receiver, std::uint16_t port, double window = 6e6 / segment_size);

  void start(Instant now) { send(now); }
  /// No new data; what was sent is still seen through.
  void stop() { stopped_ = true; }
  bool at_rest() const { return sent_.empty(); }
  /// A packet came out of the tunnel at either end; not of this flow: false.
  bool receive(const Host& at, Bytes packet, Instant now);

  /// A packet of the flow was too large: segments become smaller from now on (RFC 1191).
  void follow_mtu(std::size_t mtu);
  std::uint16_t port() const { return port_; }

  /// Bytes that arrived, each counted once.
  std::uint64_t delivered() const { return delivered_; }
  std::uint64_t retransmissions() const { return retransmissions_; }
  std::uint64_t timeouts() const { return timeouts_; }
  std::uint64_t out_of_order() const { return out_of_order_; }
  double window() const { return window_; }
  Duration round_trip() const { return smoothed_; }

 private:
  struct Segment {
    Instant sent{};
    std::uint32_t order = 0;  ///< of sending
    bool arrived = false;
    bool lost = false;  ///< and not sent again yet
    bool again = false;
  };

  void send(Instant now);
  void send_segment(std::uint32_t number, Instant now);
  void on_data(std::uint32_t number, std::size_t size, Instant now);
  void acknowledge(std::uint32_t latest, bool duplicate, Instant now);
  void on_acknowledgement(Bytes packet, Instant now);
  void arrived(Segment& segment, std::uint32_t number, Instant now);
  void detect_losses(Instant now);
  void grow(std::uint32_t count, Instant now);
  void shrink(Instant now);
  void arm(Instant now);
  std::vector<std::uint8_t> packet(bool data, std::size_t size) const;

  Events& events_;
  Host& sender_;
  Host& receiver_;
  std::uint16_t port_;
  double most_;
  std::size_t size_ = segment_size;
  bool stopped_ = false;

  // At the sender.
  std::map<std::uint32_t, Segment> sent_;
  std::uint32_t next_ = 0;
  std::uint32_t order_ = 0;
  std::uint32_t acknowledged_ = 0;
  double window_ = 10;
  double threshold_ = 1e9;
  std::size_t in_flight_ = 0;
  Duration smoothed_{}, variance_{}, least_ = Duration::max();
  Instant newest_sent_{};  ///< of what has arrived: when it was sent
  std::uint32_t newest_order_ = 0;
  Duration newest_rtt_{};
  bool reordering_seen_ = false;
  unsigned reordering_steps_ = 1;
  std::uint32_t recovery_until_ = 0;
  std::uint32_t recovery_retransmitted_ = 0;
  double undo_window_ = 0, undo_threshold_ = 0;
  double cubic_max_ = 0;
  Instant cubic_began_ = never;
  Duration round_least_ = Duration::max();
  std::uint32_t round_ends_ = 0;
  std::uint64_t timer_ = 0;
  unsigned backoff_ = 0;
  std::uint64_t retransmissions_ = 0, timeouts_ = 0;
  // At the receiver.
  std::uint64_t delivered_ = 0;
  std::uint32_t next_expected_ = 0;
  std::set<std::uint32_t> early_;
  unsigned unacknowledged_ = 0;
  std::uint64_t delayed_ = 0;
  std::uint64_t out_of_order_ = 0;
};

}  // namespace mpquic::sim
