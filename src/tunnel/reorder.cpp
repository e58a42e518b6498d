#include "tunnel/reorder.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mpquic::tunnel {

HeldPackets::Index HeldPackets::hold(Bytes packet, std::uint32_t sent_at, Instant now) {
  if (packet.size() > pool_.block_size() || (free_.empty() && held_.size() >= most_)) return none;
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

Reorder::Verdict Reorder::place(std::uint32_t sequence) {
  const std::int32_t ahead = distance(sequence, next_);
  if (ahead < 0) return come_.insert(sequence) ? Verdict::late : Verdict::duplicate;
  if (ahead > 0) {
    const auto place = static_cast<std::size_t>(ahead);
    return place < waiting_.size() && waiting_[place] != HeldPackets::none ? Verdict::duplicate : Verdict::early;
  }
  come_.insert(next_++);
  if (!waiting_.empty()) {
    waiting_.pop_front();
    find_first_held();
  }
  return Verdict::next;
}

void Reorder::hold(std::uint32_t sequence, HeldPackets::Index packet, Instant now) {
  const auto place = static_cast<std::size_t>(distance(sequence, next_));
  if (place >= waiting_.size()) waiting_.resize(place + 1, HeldPackets::none);
  waiting_[place] = packet;
  by_arrival_.push_back({sequence, now});
  if (held_++ == 0 || place < first_held_) first_held_ = place;
}

std::optional<HeldPackets::Index> Reorder::take_next() {
  if (held_ == 0 || first_held_ != 0) return std::nullopt;
  const HeldPackets::Index packet = waiting_.front();
  waiting_.pop_front();
  come_.insert(next_++);
  --held_;
  find_first_held();
  forget_arrivals();
  return packet;
}

void Reorder::give_up(std::uint32_t sequence) {
  if (held_ == 0) {
    next_ = sequence;
    waiting_.clear();
    return;
  }
  next_ += static_cast<std::uint32_t>(first_held_);
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_held_));
  first_held_ = 0;
}

void Reorder::skip_to(std::uint32_t sequence) {
  const auto skipped = static_cast<std::size_t>(distance(sequence, next_));
  next_ = sequence;
  if (held_ == 0) return waiting_.clear();
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(skipped));
  first_held_ -= skipped;
}

void Reorder::forget_arrivals() {
  while (!by_arrival_.empty() && distance(by_arrival_.front().sequence, next_) < 0) by_arrival_.pop_front();
}

void Reorder::find_first_held() {
  const auto found = std::ranges::find_if(waiting_, [](HeldPackets::Index each) { return each != HeldPackets::none; });
  first_held_ = static_cast<std::size_t>(found - waiting_.begin());
}

}  // namespace mpquic::tunnel
