#include "frame.h"

#include <cassert>
#include <cstring>

namespace linkem {

using mpquic::load_be16;

std::uint32_t ip_bytes(mpquic::Bytes frame) {
  constexpr std::uint16_t ipv4 = 0x0800, ipv6 = 0x86dd, vlan = 0x8100, provider_vlan = 0x88a8;
  for (std::size_t at = address_bytes; at + 2 <= frame.size(); at += tag_bytes) {
    const std::uint16_t type = load_be16(frame.data() + at);
    if (type == ipv4 || type == ipv6) return static_cast<std::uint32_t>(frame.size() - at - 2);
    if (type != vlan && type != provider_vlan) return 0;
  }
  return 0;
}

std::size_t assemble(mpquic::Bytes frame, const std::optional<VlanTag>& tag, std::uint8_t* to) {
  if (!tag || frame.size() < address_bytes) {
    std::memcpy(to, frame.data(), frame.size());
    return frame.size();
  }
  std::memcpy(to, frame.data(), address_bytes);
  mpquic::store_be16(to + address_bytes, tag->tpid);
  mpquic::store_be16(to + address_bytes + 2, tag->tci);
  std::memcpy(to + address_bytes + tag_bytes, frame.data() + address_bytes, frame.size() - address_bytes);
  return frame.size() + tag_bytes;
}

std::optional<std::uint32_t> FramePool::vacant() {
  if (free_.empty()) {
    const auto first = static_cast<std::uint32_t>(slots_.size());
    if (first + chunk_slots > most_slots_) return std::nullopt;
    chunks_.emplace_back(slot_bytes_ * chunk_slots);
    slots_.resize(slots_.size() + chunk_slots);
    for (std::uint32_t i = chunk_slots; i > 0; --i) free_.push_back(first + i - 1);
  }
  return free_.back();
}

void FramePool::keep(std::uint32_t slot, std::size_t bytes, unsigned copies) {
  assert(slot == free_.back() && slots_[slot].copies == 0 && bytes <= slot_bytes_);
  if (copies == 0) return;
  free_.pop_back();
  slots_[slot] = {static_cast<std::uint32_t>(bytes), copies};
}

void FramePool::release(std::uint32_t slot) {
  assert(slots_[slot].copies > 0);
  if (--slots_[slot].copies == 0) free_.push_back(slot);
}

std::uint8_t* FramePool::data(std::uint32_t slot) {
  return chunks_[slot / chunk_slots].data() + slot % chunk_slots * slot_bytes_;
}

}  // namespace linkem
