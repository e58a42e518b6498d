#include "tunnel/path_source.h"

#include <algorithm>
#include <cassert>

namespace mpquic::tunnel {

void PathSource::set_prefix(Bytes prefix) {
  assert(prefix.size() <= longest_prefix);
  std::ranges::copy(prefix, prefix_.begin());
  prefix_size_ = prefix.size();
}

void PathSource::set_overflow(Overflow& overflow, std::size_t smallest_mtu) {
  overflow_ = &overflow;
  session_.let_through(smallest_mtu);
}

void PathSource::overflow_all(Instant now) {
  constexpr std::size_t any_size = 65535;
  while (const packet::Pieces* packet = session_.front(any_size, now)) {
    if (!overflow_->take(*packet)) return;
    count_and_pop(packet->size());
  }
}

const packet::Pieces* PathSource::front(std::size_t max_size, Instant now) {
  const std::size_t room = max_size - std::min(max_size, prefix_size_);
  while (const packet::Pieces* packet = session_.front(room, now)) {
    front_size_ = packet->size();
    if (front_size_ <= room) return packet;
    if (!overflow_->take(*packet)) return nullptr;
    count_and_pop(front_size_);
  }
  return nullptr;
}

void PathSource::pop() { count_and_pop(front_size_); }

void PathSource::count_and_pop(std::size_t size) {
  ++packets_;
  bytes_ += size;
  session_.pop();
}

}  // namespace mpquic::tunnel
