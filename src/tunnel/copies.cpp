#include "tunnel/copies.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace mpquic::tunnel {

CopyId Copies::remember(const packet::Pieces& packet, const Copy& as) {
  if (held_ >= most_ || held_ >= pool_.available() || packet.size() > pool_.block_size()) return no_copy;
  packet::Buffer memory = pool_.take();
  if (!memory) return no_copy;
  const MutableBytes bytes = memory.bytes();
  std::memcpy(bytes.data(), packet.head.data(), packet.head.size());
  if (!packet.rest.empty()) std::memcpy(bytes.data() + packet.head.size(), packet.rest.data(), packet.rest.size());
  if (free_.empty()) {
    free_.push_back(static_cast<CopyId>(copies_.size()));
    copies_.emplace_back();
  }
  const CopyId id = free_.back();
  free_.pop_back();
  copies_[id] = {.memory = std::move(memory),
                 .size = static_cast<std::uint16_t>(packet.size()),
                 .queue_flow = as.queue_flow,
                 .flow = as.flow,
                 .sequence = as.sequence,
                 .ordered = as.ordered,
                 .uses = 1,
                 .first_sent = as.first_sent};
  ++held_;
  return id;
}

void Copies::release(CopyId id) {
  Copy& copy = copies_[id];
  assert(copy.uses > 0);
  if (--copy.uses > 0) return;
  delivered(id);
  free_.push_back(id);
}

void Copies::delivered(CopyId id) {
  Copy& copy = copies_[id];
  copy.delivered = true;
  if (!copy.memory) return;
  copy.memory = packet::Buffer();
  --held_;
}

}  // namespace mpquic::tunnel
