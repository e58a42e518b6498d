#include "sim/stream.h"

#include <algorithm>

#include "base/bytes.h"
#include "sim/inner_packet.h"

namespace mpquic::sim {
namespace {

constexpr std::size_t number_at = 28;  // behind the IP and UDP headers

}  // namespace

Stream::Stream(Events& events, Host& sender, Host& receiver, const Settings& settings)
    : events_(events),
      sender_(sender),
      receiver_(receiver),
      settings_(settings),
      interval_(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / settings.rate))) {}

void Stream::start(Instant now) {
  running_ = true;
  last_ = now;
  send(now);
}

void Stream::send(Instant now) {
  if (!running_) return;
  auto packet = inner_packet(packet::protocol::udp, settings_.size, {.source = settings_.port, .destination = 5004});
  store_be32(&packet[number_at], static_cast<std::uint32_t>(sent_at_.size()));
  sent_at_.push_back(now);
  ++sent_;
  sender_.push(packet, false, now);
  events_.at(now + interval_, [this, now] { send(now + interval_); });
}

bool Stream::receive(const Host& at, Bytes packet, Instant now) {
  if (&at != &receiver_ || packet.size() < number_at + 4 || packet[9] != packet::protocol::udp) return false;
  if (load_be16(&packet[20]) != settings_.port) return false;
  const std::uint32_t number = load_be32(&packet[number_at]);
  if (number >= sent_at_.size()) return false;
  ++received_;
  if (number < newest_) ++overtaken_;
  newest_ = std::max<std::uint64_t>(newest_, number);
  longest_gap_ = std::max(longest_gap_, now - last_);
  longest_delay_ = std::max(longest_delay_, now - sent_at_[number]);
  last_ = now;
  return true;
}

void Stream::begin_measuring(Instant now) {
  longest_gap_ = longest_delay_ = {};
  last_ = now;
}

Duration Stream::longest_gap(Instant now) const {
  return running_ ? std::max(longest_gap_, now - last_) : longest_gap_;
}

}  // namespace mpquic::sim
