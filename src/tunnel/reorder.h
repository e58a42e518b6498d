#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "packet/buffer_pool.h"
#include "tunnel/sequence_window.h"

namespace mpquic::tunnel {

/// Packets that came before their time, of all flows of a session.
class HeldPackets {
 public:
  using Index = std::uint16_t;
  static constexpr Index none = 65'535;

  struct Held {
    packet::Buffer memory;
    std::uint16_t size = 0;
    std::uint32_t sent_at = 0;
    Instant since{};
    Bytes bytes() const { return Bytes(memory.bytes()).first(size); }
  };

  /// `pool` outlives it; `most` is less than `none`.
  HeldPackets(packet::BufferPool& pool, std::size_t most) : pool_(pool), most_(most) {}
  /// Whether a packet of that size fits at all.
  bool takes(std::size_t size) const { return size <= pool_.block_size(); }
  /// none: there is no room, or the packet is too large for the pool.
  Index hold(Bytes packet, std::uint32_t sent_at, Instant now);
  const Held& operator[](Index index) const { return held_[index]; }
  void release(Index index);
  std::size_t count() const { return held_.size() - free_.size(); }

 private:
  packet::BufferPool& pool_;
  std::size_t most_;
  std::vector<Held> held_;
  std::vector<Index> free_;
};

/// The order of one flow: which packet comes next, and those that came before their time.
///
///   complete --a later packet comes--> gap --the missing one comes, give_up()--> complete or the next gap
class Reorder {
 public:
  enum class Verdict : std::uint8_t {
    next,       ///< its turn: to be delivered, and then what take_next() gives
    early,      ///< something before it is missing: hold() it
    late,       ///< its gap was given up: to be delivered all the same
    duplicate,  ///< it has been delivered, or is held, or is too old to say
  };
  /// How far ahead of the next one a packet may be, and how far behind it may still be late.
  static constexpr std::uint32_t reach = 8192;

  /// A flow whose first packet to come is that one. Senders begin at 0, and the first may have been overtaken.
  explicit Reorder(std::uint32_t first);

  /// Where a packet belongs. One that is farther ahead than `reach` is early: gaps are to be given up until it is not.
  Verdict place(std::uint32_t sequence);
  bool within_reach(std::uint32_t sequence) const { return distance(sequence, next_) < static_cast<int>(reach); }
  /// What would be held next behind that one, which is early and within reach.
  std::optional<HeldPackets::Index> behind(std::uint32_t sequence) const;
  /// An early one, within reach, which is held there.
  void hold(std::uint32_t sequence, HeldPackets::Index packet);
  /// What comes next, if it is here.
  std::optional<HeldPackets::Index> take_next();
  /// Goes on behind the gap, which there must be.
  void give_up() { skip_to(behind_sequence()); }
  /// Goes on at `sequence`, which is not before the next one, and not behind any that is held.
  void skip_to(std::uint32_t sequence);

  bool has_gap() const { return held_ > 0; }
  std::size_t held() const { return held_; }
  /// The first packet behind the gap, which there must be.
  HeldPackets::Index behind_gap() const { return waiting_[first_held_]; }
  std::uint32_t behind_sequence() const { return next_ + first_held_; }
  std::uint32_t next() const { return next_; }

 private:
  static constexpr std::uint32_t begins_below = 1024;

  void know_holes();
  void advance(std::uint32_t by);

  std::uint32_t next_;
  std::uint32_t first_held_ = 0;  ///< so far ahead of next_, while there is a gap
  std::size_t held_ = 0;
  std::deque<HeldPackets::Index> waiting_;  ///< those from next_ on; none where one is missing; empty without a gap
  /// Which have come, from `reach` before next_ to `reach` behind it. nullptr: all before it and none behind.
  std::unique_ptr<SequenceBits<2 * reach>> come_;
};

}  // namespace mpquic::tunnel
