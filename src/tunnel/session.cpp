#include "tunnel/session.h"

#include <algorithm>

namespace mpquic::tunnel {
namespace {

// Path MTU discovery needs a round trip for what an inner IPv6 packet needs, and another for a usual packet.
constexpr Duration settling_time = std::chrono::seconds(1);

}  // namespace

Session::Session(const QueueLimits& limits, DropCounters& drops, TooBigListener& listener)
    : drops_(drops), listener_(listener), queue_(limits, drops) {}

void Session::open(Instant now) {
  open_ = true;
  settle(now);
}

void Session::settle(Instant now) { settled_at_ = now + settling_time; }

void Session::close() {
  open_ = false;
  held_back_ = false;
  registration_waits_ = false;
  while (queue_.front(SIZE_MAX, Instant::min()) != nullptr) {
    queue_.pop();
    drops_.count(Drop::no_path);
  }
}

void Session::push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, Instant now) {
  if (!open_) return drops_.count(Drop::no_path);
  // No session may take more of the worker's memory than it leaves to the others: a path that stands still would
  // otherwise stop them all.
  if (queue_.blocks_of(*memory.pool()) > memory.pool()->available()) return drops_.count(Drop::queue_full);
  queue_.push(std::move(memory), std::move(packets), flow_hash, now);
}

void Session::send_registration(const packet::Address& tunnel_address) {
  std::ranges::copy(tunnel_address.bytes(), registration_bytes_.begin());
  registration_ = {registration_bytes_, {}};
  registration_waits_ = true;
}

const packet::Pieces* Session::front(std::size_t max_size, Instant now, const FlowFilter* filter,
                                     std::size_t elsewhere) {
  if (registration_waits_) return &registration_;
  held_back_ = false;
  while (const packet::Pieces* packet = queue_.front(max_size, now, filter)) {
    if (packet->size() <= std::max({max_size, elsewhere, let_through_})) return packet;
    if (now < settled_at_) {
      held_back_ = true;
      return nullptr;
    }
    drops_.count(Drop::too_big);
    listener_.on_too_big(*packet, std::max(max_size, elsewhere));
    queue_.pop();
  }
  return nullptr;
}

void Session::pop() {
  if (registration_waits_)
    registration_waits_ = false;
  else
    queue_.pop();
}

}  // namespace mpquic::tunnel
