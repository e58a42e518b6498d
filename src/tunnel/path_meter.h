#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "tunnel/copies.h"

namespace mpquic::tunnel {

/// The datagrams of one path until their fate is known, and what they tell about it: round trip, capacity, loss, and
/// whether it has fallen silent. Datagrams are numbered from 1, as their connection does (quic::ConnectionOwner).
///
/// Loss is inferred from the order of acknowledgements (RFC 9002, 6.1; RFC 8985), since QUIC itself is in no hurry to
/// declare it: a datagram is taken for lost when three later ones were acknowledged, or one that was sent well after
/// it, and its own acknowledgement is late against theirs. How late, is learned from those that were not lost after
/// all.
class PathMeter {
 public:
  /// `round_trip`: of the connection, as its handshake has measured it.
  PathMeter(Duration round_trip, Instant now)
      : heard_(now), smoothed_(round_trip), variance_(round_trip / 2), delivered_at_(now) {}

  void sent(std::size_t bytes, CopyId copy, Instant now);
  /// The path could have sent, and was given nothing: until what is in flight has arrived, it shows less than it can
  /// carry.
  void starved() { starved_until_ = delivered_ + in_flight_bytes_ + 1; }

  /// Whose fate has become known.
  struct Fate {
    CopyId copy;
    bool known_lost;  ///< it had been taken for lost
  };
  /// nullopt: that number is not, or no longer, in flight.
  std::optional<Fate> acknowledged(std::uint64_t number, Instant now);
  std::optional<Fate> lost(std::uint64_t number, Instant now);
  /// Once for all that a batch of packets acknowledged, and at loss_due(). Calls `take(CopyId)` for each that is taken
  /// for lost now.
  template <typename Take>
  void infer_losses(Take&& take, Instant now);
  /// Everything in flight, or so many that were sent first, is taken for lost; the acknowledgements may yet come.
  template <typename Take>
  void give_up(Take&& take, std::size_t most = SIZE_MAX);
  /// The connection is gone: what was in flight is forgotten.
  template <typename Take>
  void forget(Take&& take);

  /// When something is taken for lost if it is not acknowledged before; never: nothing is overtaken.
  Instant loss_due() const;
  /// When so much time has passed since something was sent that an answer is overdue; never: nothing waits for one.
  Instant silence_due() const;
  /// When the last acknowledgement came.
  Instant heard() const { return heard_; }
  /// Of datagrams, with the time that the other end takes to acknowledge. 0: not known yet.
  Duration round_trip() const { return smoothed_; }
  Duration least_round_trip() const { return std::min(least_.now, least_.before); }
  /// Bytes a second that it has shown to deliver, lately; 0: not known yet.
  double capacity() const { return std::max(capacity_.now, capacity_.before); }
  /// The same, of what it was given when that was not all that it could carry, too: at least so much.
  double shown() const { return std::max(shown_.now, shown_.before); }
  /// How long what was sent over it lately waits on its way, if it can carry not much more than it has shown.
  Duration backlog(Instant now) const;
  /// Whether that is all that it can carry, as far as is known: it has been given more for a while (as BBR finds out
  /// that a pipe is full). Forgotten after some time, since paths change.
  bool capacity_is_known(Instant now) const { return now < full_until_; }
  /// Share of the datagrams, lately, that were taken for lost.
  double loss() const;
  /// It loses more than a packet once in a while.
  bool lossy() const { return loss() > 0.002; }
  /// Whether it has long lost nothing, of enough that was sent to tell.
  bool clean(Instant now) const { return sent_since_loss_ >= enough_to_tell && now - lost_at_ >= clean_after; }
  /// Loss comes with a growing round trip: the path is full.
  bool congested() const;
  std::uint64_t delivered_bytes() const { return delivered_; }
  std::size_t in_flight() const { return in_flight_; }

 private:
  enum class State : std::uint8_t { open, taken_for_lost, known };
  struct Datagram {
    Instant at{};
    CopyId copy = no_copy;
    std::uint32_t bytes = 0;
    // As of then, for a sample of the delivery rate (as BBR takes it).
    std::uint64_t delivered = 0;
    Instant delivered_at{};
    Instant first_sent{};
    bool starved = false;
    State state = State::open;
  };
  /// The best of the last one to two periods.
  template <typename Value>
  struct Recent {
    Value now, before;
  };

  static constexpr std::uint64_t enough_to_tell = 10'000;
  static constexpr Duration clean_after = std::chrono::seconds(60);

  void count_loss(Instant now) {
    ++lost_count_.now;
    lost_at_ = now;
    sent_since_loss_ = 0;
  }
  Datagram* find(std::uint64_t number);
  void land(const Datagram& datagram) {
    --in_flight_;
    in_flight_bytes_ -= datagram.bytes;
  }
  void drop_known();
  void sample_rate(const Datagram& datagram, Instant now);
  void sample_round_trip(Duration sample);
  void begin_period(Instant now);
  void look_whether_full(const Datagram& datagram, Instant now);
  Duration reordering() const;
  Duration patience() const;

  std::deque<Datagram> datagrams_;
  std::uint64_t first_ = 1;    ///< number of datagrams_.front()
  std::uint64_t largest_ = 0;  ///< acknowledged
  std::uint64_t judged_ = 1;   ///< all before it have been looked at for loss
  Instant largest_sent_{};     ///< when the largest one was sent
  Duration latest_{};          ///< round trip that it took
  bool new_largest_ = false;   ///< since infer_losses()
  std::size_t in_flight_ = 0;  ///< whose state is open
  std::uint64_t in_flight_bytes_ = 0;
  std::uint64_t starved_until_ = 0;  ///< delivered_

  Instant heard_;
  Duration smoothed_{};
  Duration variance_{};
  unsigned spurious_ = 0;  ///< times that the allowance for reordering was doubled
  Instant spurious_at_{};

  std::uint64_t delivered_ = 0;  ///< bytes
  Instant delivered_at_;
  Instant first_sent_{};

  // Whether the capacity still grows from one round trip to the next.
  std::uint64_t round_ends_ = 0;  ///< delivered_
  double full_capacity_ = 0;
  unsigned rounds_without_growth_ = 0;
  Instant full_until_{};

  static constexpr Duration unknown = Duration::max();
  std::uint64_t sent_since_loss_ = 0;
  Instant lost_at_{};
  Instant period_began_{};
  Recent<double> capacity_{0, 0}, shown_{0, 0};
  double likely_capacity(Instant now) const;

  double backlog_ = 0;  ///< bytes, as of backlog_at_
  Instant backlog_at_{};
  Recent<Duration> least_{unknown, unknown};
  Recent<std::uint64_t> sent_count_{0, 0}, lost_count_{0, 0};
};

template <typename Take>
void PathMeter::infer_losses(Take&& take, Instant now) {
  if (std::exchange(new_largest_, false)) {
    latest_ = now - largest_sent_;
    sample_round_trip(latest_);
    begin_period(now);
  }
  for (; loss_due() <= now; ++judged_) {
    if (judged_ < first_) continue;
    Datagram& datagram = datagrams_[judged_ - first_];
    if (datagram.state != State::open) continue;
    datagram.state = State::taken_for_lost;
    land(datagram);
    count_loss(now);
    if (datagram.copy != no_copy) take(datagram.copy);
  }
}

template <typename Take>
void PathMeter::give_up(Take&& take, std::size_t most) {
  for (Datagram& datagram : datagrams_) {
    if (datagram.state != State::open) continue;
    if (most-- == 0) return;
    datagram.state = State::taken_for_lost;
    land(datagram);
    if (datagram.copy != no_copy) take(datagram.copy);
  }
}

template <typename Take>
void PathMeter::forget(Take&& take) {
  for (const Datagram& datagram : datagrams_) {
    if (datagram.state != State::known && datagram.copy != no_copy) take(datagram.copy, datagram.state == State::open);
  }
  first_ += datagrams_.size();
  datagrams_.clear();
  in_flight_ = 0;
  in_flight_bytes_ = 0;
}

}  // namespace mpquic::tunnel
