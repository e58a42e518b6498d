#include "sim/watch.h"

#include <fmt/format.h>

#include <algorithm>

namespace mpquic::sim {
namespace {

double milliseconds_of(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace

void Watch::enter(MutableBytes packet, std::uint32_t flow, bool in_order, Instant now) {
  const std::uint64_t number = packets_.size();
  store_be32(&packet[packet.size() - 8], static_cast<std::uint32_t>(number >> 32));
  store_be32(&packet[packet.size() - 4], static_cast<std::uint32_t>(number));
  packets_.push_back({.entered = now, .flow = flow, .in_order = in_order});
}

std::optional<std::uint64_t> Watch::mark_of(Bytes packet) {
  if (packet.size() >= mark_size) {
    const std::uint64_t high = load_be32(&packet[packet.size() - 8]);
    const std::uint64_t number = high << 32 | load_be32(&packet[packet.size() - 4]);
    if (number < packets_.size()) return number;
  }
  complain_(fmt::format("a packet of {} bytes came that was never sent", packet.size()));
  return std::nullopt;
}

void Watch::arrive(Bytes packet, Instant now) {
  const auto number = mark_of(packet);
  if (!number || packets_[*number].arrived != never) return;
  packets_[*number].arrived = now;
  ++arrived_;
}

void Watch::leave(Bytes bytes, Instant now) {
  const auto number = mark_of(bytes);
  if (!number) return;
  Packet& packet = packets_[*number];
  if (packet.left && !lies_) complain_(fmt::format("packet {} was delivered twice", *number));
  if (packet.arrived == never) complain_(fmt::format("packet {} was delivered and never arrived", *number));
  packet.left = true;
  ++left_;
  const Duration held = now - packet.arrived;
  // Because of a lie it may have been thrown away, and have come again.
  if (!lies_ && held > longest_hold && held > longest_held_) {
    complain_(fmt::format("packet {} was held for {:.1f} ms", *number, milliseconds_of(held)));
  }
  longest_held_ = std::max(longest_held_, held);
  if (packet.in_order) {
    auto& newest = newest_[packet.flow];
    if (*number < newest) ++overtaken_;
    newest = std::max(newest, *number);
  }
  add_to_digest(*number);
  add_to_digest(static_cast<std::uint64_t>(now.time_since_epoch().count()));
}

// FNV-1a, a byte at a time.
void Watch::add_to_digest(std::uint64_t number) {
  for (int i = 0; i < 8; ++i) {
    digest_ = (digest_ ^ (number & 0xff)) * 0x100000001b3;
    number >>= 8;
  }
}

}  // namespace mpquic::sim
