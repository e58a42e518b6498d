#include "sim/tcp.h"

#include <algorithm>
#include <cmath>

#include "base/bytes.h"
#include "sim/inner_packet.h"
#include "sim/watch.h"

namespace mpquic::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t headers = 40;
constexpr std::size_t smallest_segment = 500;
// At the end of an acknowledgement, for who marks packets there.
constexpr std::size_t unused = Watch::mark_size;
constexpr std::uint16_t data_port = 5001;
// Linux waits for two minutes at most: longer than a simulation has time for.
constexpr Duration most_timeout = std::chrono::seconds(30);
constexpr double beta = 0.7, cubic_c = 0.4;

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Tcp::Tcp(Events& events, Host& sender, Host& receiver, std::uint16_t port, double window)
    : events_(events), sender_(sender), receiver_(receiver), port_(port), most_(window) {}

std::vector<std::uint8_t> Tcp::packet(bool data, std::size_t size) const {
  const Ports ports = data ? Ports{port_, data_port} : Ports{data_port, port_};
  auto bytes = inner_packet(packet::protocol::tcp, size, ports, !data);
  bytes[32] = 5 << 4;
  bytes[33] = 0x10;
  return bytes;
}

bool Tcp::receive(const Host& at, Bytes bytes, Instant now) {
  if (bytes.size() < headers + 4 || bytes[9] != packet::protocol::tcp) return false;
  const bool data = &at == &receiver_;
  if (load_be16(&bytes[data ? 20 : 22]) != port_) return false;
  if (data)
    on_data(load_be32(&bytes[24]), load_be16(&bytes[2]) - headers, now);
  else
    on_acknowledgement(bytes.subspan(headers), now);
  return true;
}

void Tcp::follow_mtu(std::size_t mtu) {
  if (mtu > headers + smallest_segment) size_ = std::min(size_, mtu - headers);
}

void Tcp::send(Instant now) {
  const double allowed = std::min(window_, most_);
  for (auto& [number, segment] : sent_) {
    if (static_cast<double>(in_flight_) >= allowed) return;
    if (segment.lost && !segment.arrived) {
      ++retransmissions_;
      ++recovery_retransmitted_;
      segment.again = true;
      send_segment(number, now);
    }
  }
  while (!stopped_ && static_cast<double>(in_flight_) < allowed && static_cast<double>(next_ - acknowledged_) < most_) {
    send_segment(next_++, now);
  }
}

void Tcp::send_segment(std::uint32_t number, Instant now) {
  Segment& segment = sent_[number];
  segment.sent = now;
  segment.order = ++order_;
  segment.lost = false;
  ++in_flight_;
  auto bytes = packet(true, headers + size_);
  store_be32(&bytes[24], number);
  sender_.push(bytes, true, now);
  if (in_flight_ == 1) arm(now);
}

void Tcp::on_data(std::uint32_t number, std::size_t size, Instant now) {
  const bool duplicate = number < next_expected_ || early_.contains(number);
  if (!duplicate) delivered_ += size;
  if (number == next_expected_) {
    ++next_expected_;
    while (early_.erase(next_expected_) != 0) ++next_expected_;
    if (early_.empty() && ++unacknowledged_ < 2) {
      const std::uint64_t mine = ++delayed_;
      events_.at(now + milliseconds(40), [this, mine, number, now] {
        if (mine == delayed_ && unacknowledged_ > 0) acknowledge(number, false, now + milliseconds(40));
      });
      return;
    }
  } else if (!duplicate) {
    ++out_of_order_;
    early_.insert(number);
  }
  acknowledge(number, duplicate, now);
}

void Tcp::acknowledge(std::uint32_t latest, bool duplicate, Instant now) {
  unacknowledged_ = 0;
  // What is acknowledged, what came last, whether that was a DSACK, and the three newest ranges.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  for (const std::uint32_t number : early_) {
    if (ranges.empty() || ranges.back().second != number) ranges.emplace_back(number, number);
    ranges.back().second = number + 1;
  }
  if (ranges.size() > 3) ranges.erase(ranges.begin(), ranges.end() - 3);
  auto bytes = packet(false, headers + 9 + 8 * ranges.size() + unused);
  store_be32(&bytes[headers], next_expected_);
  store_be32(&bytes[headers + 4], latest);
  bytes[headers + 8] = duplicate ? 1 : 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    store_be32(&bytes[headers + 9 + 8 * i], ranges[i].first);
    store_be32(&bytes[headers + 13 + 8 * i], ranges[i].second);
  }
  receiver_.push(bytes, true, now);
}

void Tcp::arrived(Segment& segment, std::uint32_t number, bool timed, Instant now) {
  if (segment.arrived) return;
  segment.arrived = true;
  if (!segment.lost) --in_flight_;
  if (segment.order > newest_order_) {
    newest_order_ = segment.order;
    newest_sent_ = segment.sent;
    newest_rtt_ = now - segment.sent;
  } else if (!segment.again) {
    reordering_seen_ = true;
  }
  if (segment.again || !timed) return;
  const Duration sample = now - segment.sent;
  least_ = std::min(least_, sample);
  if (smoothed_ == Duration::zero()) {
    smoothed_ = sample;
    variance_ = sample / 2;
  } else {
    variance_ += (std::chrono::abs(sample - smoothed_) - variance_) / 4;
    smoothed_ += (sample - smoothed_) / 8;
  }
  // HyStart: a round whose least round trip has grown ends slow start.
  round_least_ = std::min(round_least_, sample);
  if (number >= round_ends_) {
    round_ends_ = next_;
    if (window_ < threshold_ && window_ > 16 &&
        round_least_ > least_ + std::clamp<Duration>(least_ / 8, milliseconds(4), milliseconds(16))) {
      threshold_ = window_;
    }
    round_least_ = Duration::max();
  }
}

void Tcp::on_acknowledgement(Bytes bytes, Instant now) {
  const std::uint32_t next = load_be32(&bytes[0]);
  const std::uint32_t latest = load_be32(&bytes[4]);
  const bool duplicate = bytes[8] != 0;
  const std::uint32_t before = acknowledged_;
  if (const auto found = sent_.find(latest); found != sent_.end()) arrived(found->second, latest, true, now);
  for (std::size_t at = 9; at + 8 <= bytes.size(); at += 8) {
    const std::uint32_t end = load_be32(&bytes[at + 4]);
    for (auto it = sent_.lower_bound(load_be32(&bytes[at])); it != sent_.end() && it->first < end; ++it) {
      arrived(it->second, it->first, true, now);
    }
  }
  // What waited for a retransmission says nothing of the round trip (RFC 6298, 3).
  const bool timed =
      std::none_of(sent_.begin(), sent_.lower_bound(next), [](const auto& each) { return each.second.again; });
  while (!sent_.empty() && sent_.begin()->first < next) {
    arrived(sent_.begin()->second, sent_.begin()->first, timed, now);
    sent_.erase(sent_.begin());
  }
  acknowledged_ = std::max(acknowledged_, next);
  if (duplicate) {
    reordering_seen_ = true;
    reordering_steps_ = std::min(reordering_steps_ + 1, 16U);
    // All that was sent again had arrived: it was no loss (RFC 3708).
    const bool last = recovery_retransmitted_ == 1;
    if (recovery_retransmitted_ > 0) --recovery_retransmitted_;
    if (last && undo_window_ > 0) {
      window_ = std::max(window_, undo_window_);
      threshold_ = std::max(threshold_, undo_threshold_);
      undo_window_ = 0;
    }
  }
  detect_losses(now);
  if (acknowledged_ > before) {
    backoff_ = 0;
    if (acknowledged_ >= recovery_until_) grow(acknowledged_ - before, now);
    arm(now);
  }
  send(now);
}

void Tcp::detect_losses(Instant now) {
  const Duration allowed = reordering_seen_
                               ? std::min<Duration>(std::min(least_, smoothed_) / 4 * reordering_steps_, smoothed_)
                               : Duration::zero();
  std::size_t later = 0;
  for (const auto& [number, segment] : sent_) later += segment.arrived ? 1U : 0U;
  Instant look_again = never;
  for (auto& [number, segment] : sent_) {
    if (segment.arrived) {
      --later;
      continue;
    }
    if (segment.lost || segment.order > newest_order_ || later == 0) continue;
    if (later < 3 && !reordering_seen_) continue;
    const Instant due = segment.sent + newest_rtt_ + allowed;
    if (allowed > Duration::zero() && due > now) {
      look_again = std::min(look_again, due);
      continue;
    }
    segment.lost = true;
    --in_flight_;
    if (number >= recovery_until_) shrink(now);
  }
  if (look_again != never) {
    const std::uint32_t mark = order_;
    events_.at(look_again, [this, look_again, mark] {
      if (order_ - mark > 100000) return;
      detect_losses(look_again);
      send(look_again);
    });
  }
}

void Tcp::grow(std::uint32_t count, Instant now) {
  if (window_ < threshold_) {
    window_ += count;
    return;
  }
  if (cubic_began_ == never) {
    cubic_began_ = now;
    cubic_max_ = std::max(cubic_max_, window_);
  }
  const double k = std::cbrt(cubic_max_ * (1 - beta) / cubic_c);
  const double t = seconds(now - cubic_began_ + smoothed_);
  const double target = std::clamp(cubic_c * std::pow(t - k, 3) + cubic_max_, window_, 1.5 * window_);
  const double reno = 3 * (1 - beta) / (1 + beta) * count / window_;
  window_ += std::max((target - window_) / window_ * count, reno);
  window_ = std::min(window_, 1.2 * most_);
}

void Tcp::shrink(Instant) {
  undo_window_ = window_;
  undo_threshold_ = threshold_;
  recovery_retransmitted_ = 0;
  recovery_until_ = next_;
  cubic_max_ = window_ < cubic_max_ ? window_ * (1 + beta) / 2 : window_;
  window_ = std::max(2.0, window_ * beta);
  threshold_ = window_;
  cubic_began_ = never;
}

void Tcp::arm(Instant now) {
  const std::uint64_t mine = ++timer_;
  const Duration first = std::max<Duration>(milliseconds(200), smoothed_ + 4 * variance_);
  const Duration timeout = std::min<Duration>(first * (1 << std::min(backoff_, 6U)), most_timeout);
  events_.at(now + timeout, [this, mine, now, timeout] {
    if (mine != timer_ || sent_.empty()) return;
    const Instant then = now + timeout;
    ++timeouts_;
    ++backoff_;
    for (auto& [number, segment] : sent_) {
      if (segment.arrived || segment.lost) continue;
      segment.lost = true;
      --in_flight_;
    }
    shrink(then);
    window_ = 1;
    send(then);
    arm(then);
  });
}

}  // namespace mpquic::sim
