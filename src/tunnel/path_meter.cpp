#include "tunnel/path_meter.h"

#include <algorithm>
#include <utility>

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;

// Of a receiver that has got a single packet (RFC 9000, 13.2.1): its acknowledgement may take so long.
constexpr Duration lone_acknowledgement = milliseconds(25);
// Timers, queues of a busy machine.
constexpr Duration slack = milliseconds(5);
// Until the first acknowledgement.
constexpr Duration first_patience = milliseconds(400);

constexpr Duration least_reordering = std::chrono::microseconds(500);
constexpr unsigned most_doublings = 4;
constexpr Duration forgive_after = std::chrono::seconds(10);

constexpr Duration least_period = std::chrono::seconds(1);
constexpr int round_trips_per_period = 10;

// As BBR has it: a pipe is full when three round trips have not brought a quarter more.
constexpr double growth = 1.25;
constexpr unsigned rounds_until_full = 3;
constexpr Duration full_for = std::chrono::seconds(30);

}  // namespace

void PathMeter::sent(std::size_t bytes, CopyId copy, Instant now) {
  if (in_flight_ == 0) first_sent_ = delivered_at_ = now;
  datagrams_.push_back({.at = now,
                        .copy = copy,
                        .bytes = static_cast<std::uint32_t>(bytes),
                        .delivered = delivered_,
                        .delivered_at = delivered_at_,
                        .first_sent = first_sent_,
                        .starved = delivered_ < starved_until_});
  ++in_flight_;
  in_flight_bytes_ += bytes;
  backlog_ = std::chrono::duration<double>(backlog(now)).count() * likely_capacity(now) + static_cast<double>(bytes);
  backlog_at_ = now;
  ++sent_count_.now;
  ++sent_since_loss_;
}

PathMeter::Datagram* PathMeter::find(std::uint64_t number) {
  if (number < first_ || number - first_ >= datagrams_.size()) return nullptr;
  Datagram& datagram = datagrams_[number - first_];
  return datagram.state == State::known ? nullptr : &datagram;
}

void PathMeter::drop_known() {
  while (!datagrams_.empty() && datagrams_.front().state == State::known) {
    datagrams_.pop_front();
    ++first_;
  }
}

std::optional<PathMeter::Fate> PathMeter::acknowledged(std::uint64_t number, Instant now) {
  Datagram* datagram = find(number);
  if (datagram == nullptr) return std::nullopt;
  const Fate fate{datagram->copy, datagram->state == State::taken_for_lost};
  if (!fate.known_lost) land(*datagram);
  datagram->state = State::known;
  heard_ = now;
  delivered_ += datagram->bytes;
  delivered_at_ = now;
  first_sent_ = datagram->at;
  sample_rate(*datagram, now);
  if (number > largest_) {
    largest_ = number;
    largest_sent_ = datagram->at;
    new_largest_ = true;
  } else if (fate.known_lost && number < judged_) {
    // It was only late.
    if (lost_count_.now > 0) --lost_count_.now;
    if (now - spurious_at_ > smoothed_ && spurious_ < most_doublings) {
      ++spurious_;
      spurious_at_ = now;
    }
  }
  drop_known();
  return fate;
}

std::optional<PathMeter::Fate> PathMeter::lost(std::uint64_t number, Instant now) {
  Datagram* datagram = find(number);
  if (datagram == nullptr) return std::nullopt;
  const Fate fate{datagram->copy, datagram->state == State::taken_for_lost};
  if (!fate.known_lost) {
    land(*datagram);
    count_loss(now);
  }
  datagram->state = State::known;
  drop_known();
  return fate;
}

void PathMeter::sample_rate(const Datagram& datagram, Instant now) {
  const Duration interval = std::max(datagram.at - datagram.first_sent, now - datagram.delivered_at);
  if (interval <= Duration::zero() || interval < least_round_trip() / 2) return;
  const double rate =
      static_cast<double>(delivered_ - datagram.delivered) / std::chrono::duration<double>(interval).count();
  shown_.now = std::max(shown_.now, rate);
  if (!datagram.starved || (capacity() > 0 && rate > capacity())) capacity_.now = std::max(capacity_.now, rate);
  look_whether_full(datagram, now);
}

void PathMeter::look_whether_full(const Datagram& datagram, Instant now) {
  if (datagram.starved || datagram.delivered < round_ends_) return;
  round_ends_ = delivered_;
  if (capacity() >= full_capacity_ * growth) {
    full_capacity_ = capacity();
    rounds_without_growth_ = 0;
  } else if (++rounds_without_growth_ >= rounds_until_full) {
    full_capacity_ = capacity();
    full_until_ = now + full_for;
  }
}

// RFC 6298, 2.
void PathMeter::sample_round_trip(Duration sample) {
  least_.now = std::min(least_.now, sample);
  if (smoothed_ == Duration::zero()) {
    smoothed_ = sample;
    variance_ = sample / 2;
    return;
  }
  const Duration error = sample > smoothed_ ? sample - smoothed_ : smoothed_ - sample;
  variance_ += (error - variance_) / 4;
  smoothed_ += (sample - smoothed_) / 8;
}

void PathMeter::begin_period(Instant now) {
  if (now - period_began_ < std::max(least_period, round_trips_per_period * smoothed_)) return;
  period_began_ = now;
  // A path that carried next to nothing has not become slower: what it showed before stands until it shows another.
  if (capacity_.now > 0) capacity_ = {0, capacity_.now};
  if (shown_.now > 0) shown_ = {0, shown_.now};
  if (least_.now != unknown) least_ = {unknown, least_.now};
  sent_count_ = {0, sent_count_.now};
  lost_count_ = {0, lost_count_.now};
  if (spurious_ > 0 && now - spurious_at_ > forgive_after) --spurious_;
}

// Who never gives it more, never learns that it can carry more.
double PathMeter::likely_capacity(Instant now) const { return shown() * (capacity_is_known(now) ? 1.1 : 1.25); }

Duration PathMeter::backlog(Instant now) const {
  if (shown() <= 0) return {};
  const double left = backlog_ / likely_capacity(now) - std::chrono::duration<double>(now - backlog_at_).count();
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::clamp(left, 0.0, 10.0)));
}

double PathMeter::loss() const {
  const double sent = static_cast<double>(sent_count_.now + sent_count_.before);
  return sent == 0 ? 0 : static_cast<double>(lost_count_.now + lost_count_.before) / sent;
}

bool PathMeter::congested() const {
  const Duration least = least_round_trip();
  return least != unknown && smoothed_ > least + least / 2 + slack;
}

Duration PathMeter::reordering() const {
  return std::min(smoothed_, std::max(least_reordering, smoothed_ / 8) * (1 << spurious_));
}

// Those whose fate is known are passed over at once.
Instant PathMeter::loss_due() const {
  constexpr std::uint64_t packet_threshold = 3;  // RFC 9002, 6.1.1
  if (judged_ >= largest_) return never;
  if (judged_ < first_) return Instant::min();
  const Datagram& datagram = datagrams_[judged_ - first_];
  if (datagram.state != State::open) return Instant::min();
  // The last ones of a burst are not followed by so many; but by what came after the pause (RFC 8985, 6.2).
  const bool overtaken = judged_ + packet_threshold <= largest_ || largest_sent_ - datagram.at >= reordering();
  return overtaken ? datagram.at + latest_ + reordering() : never;
}

Duration PathMeter::patience() const {
  if (smoothed_ == Duration::zero()) return first_patience;
  return smoothed_ + std::max(4 * variance_, smoothed_ / 8) + slack;
}

// What was sent first of all that could not be acknowledged by what has come.
Instant PathMeter::silence_due() const {
  if (in_flight_ == 0) return never;
  for (std::uint64_t number = std::max(largest_ + 1, first_); number - first_ < datagrams_.size(); ++number) {
    const Datagram& datagram = datagrams_[number - first_];
    if (datagram.state != State::open) continue;
    const bool lone = number - first_ + 1 == datagrams_.size();
    return datagram.at + patience() + (lone ? lone_acknowledgement : Duration::zero());
  }
  return never;
}

}  // namespace mpquic::tunnel
