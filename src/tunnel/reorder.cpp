#include "tunnel/reorder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mpquic::tunnel {

HeldPackets::Index HeldPackets::hold(Bytes packet, std::uint32_t sent_at, Instant now) {
  if (!takes(packet.size()) || (free_.empty() && held_.size() >= most_)) return none;
  // No session may take more of the worker's memory than it leaves to the others.
  if (count() >= pool_.available()) return none;
  packet::Buffer memory = pool_.take();
  if (!memory) return none;
  std::memcpy(memory.bytes().data(), packet.data(), packet.size());
  if (free_.empty()) {
    free_.push_back(static_cast<Index>(held_.size()));
    held_.emplace_back();
  }
  const Index index = free_.back();
  free_.pop_back();
  held_[index] = {std::move(memory), static_cast<std::uint16_t>(packet.size()), sent_at, now};
  return index;
}

void HeldPackets::release(Index index) {
  held_[index].memory = packet::Buffer();
  free_.push_back(index);
}

Reorder::Reorder(std::uint32_t first) : next_(first) {
  if (first < begins_below) {
    next_ = 0;
  } else {
    // Nothing that is known to have come before.
    come_ = std::make_unique<SequenceBits<2 * reach>>();
  }
}

Reorder::Verdict Reorder::place(std::uint32_t sequence) {
  const std::int32_t ahead = distance(sequence, next_);
  if (ahead == 0) {
    if (come_ != nullptr) come_->set(sequence);
    advance(1);
    return Verdict::next;
  }
  if (ahead > 0) {
    return come_ != nullptr && within_reach(sequence) && come_->test(sequence) ? Verdict::duplicate : Verdict::early;
  }
  if (come_ == nullptr || ahead < -static_cast<std::int32_t>(reach) || come_->test(sequence)) return Verdict::duplicate;
  come_->set(sequence);
  return Verdict::late;
}

std::optional<HeldPackets::Index> Reorder::behind(std::uint32_t sequence) const {
  if (held_ == 0) return std::nullopt;
  const auto found = come_->find(sequence + 1, reach - static_cast<std::uint32_t>(distance(sequence, next_)) - 1);
  if (!found) return std::nullopt;
  return waiting_[*found - next_];
}

void Reorder::hold(std::uint32_t sequence, HeldPackets::Index packet) {
  know_holes();
  come_->set(sequence);
  const std::uint32_t place = sequence - next_;
  if (place >= waiting_.size()) waiting_.resize(place + 1, HeldPackets::none);
  waiting_[place] = packet;
  if (held_++ == 0 || place < first_held_) first_held_ = place;
}

std::optional<HeldPackets::Index> Reorder::take_next() {
  if (held_ == 0 || first_held_ != 0) return std::nullopt;
  const HeldPackets::Index packet = waiting_.front();
  --held_;
  advance(1);
  first_held_ = held_ > 0 ? *come_->find(next_, reach) - next_ : 0;
  return packet;
}

void Reorder::skip_to(std::uint32_t sequence) {
  know_holes();
  advance(sequence - next_);
}

/// From now on not all that is before the next one has come.
void Reorder::know_holes() {
  if (come_ != nullptr) return;
  come_ = std::make_unique<SequenceBits<2 * reach>>();
  come_->set(next_ - reach, reach);
}

/// To the first one that is held, or as far as one likes where none is.
void Reorder::advance(std::uint32_t by) {
  if (come_ != nullptr) come_->reset(next_ + reach, by);
  next_ += by;
  if (waiting_.empty()) return;
  waiting_.erase(waiting_.begin(), waiting_.begin() + by);
  first_held_ -= std::min(first_held_, by);
}

}  // namespace mpquic::tunnel
