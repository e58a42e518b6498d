#pragma once

#include <cstdint>
#include <deque>
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
    duplicate,  ///< it has been delivered, or is held
  };
  /// How far ahead of the next one a packet may be.
  static constexpr std::uint32_t reach = 8192;

  /// A flow whose first packet to come is that one. Senders begin at 0, and the first may have been overtaken.
  explicit Reorder(std::uint32_t first) : next_(first < begins_below ? 0 : first) {}

  /// Where a packet belongs. One that is farther ahead than `reach` is early: gaps are to be given up until it is not.
  Verdict place(std::uint32_t sequence);
  bool within_reach(std::uint32_t sequence) const { return distance(sequence, next_) < static_cast<int>(reach); }
  /// An early one, within reach, which is held there from now on.
  void hold(std::uint32_t sequence, HeldPackets::Index packet, Instant now);
  /// What comes next, if it is here.
  std::optional<HeldPackets::Index> take_next();
  /// Goes on behind the gap, if there is one; where nothing is held, at `sequence`.
  void give_up(std::uint32_t sequence);

  /// Goes on at `sequence`, which is missing before anything that is held.
  void skip_to(std::uint32_t sequence);

  /// Whether an early packet is before all that are held.
  bool is_in_gap(std::uint32_t sequence) const {
    return held_ == 0 || distance(sequence, next_) < static_cast<int>(first_held_);
  }
  bool has_gap() const { return held_ > 0; }
  std::size_t held() const { return held_; }
  /// The first packet behind the gap, which there must be.
  HeldPackets::Index behind_gap() const { return waiting_[first_held_]; }
  /// Since when the one that has been held longest is, while there is a gap. It may be behind further gaps.
  Instant held_since() const { return by_arrival_.front().since; }

 private:
  static constexpr std::uint32_t begins_below = 1024;

  struct Arrival {
    std::uint32_t sequence;
    Instant since;
  };

  void find_first_held();
  void forget_arrivals();

  std::uint32_t next_;
  std::deque<HeldPackets::Index> waiting_;  ///< those from next_ on; none where one is missing
  std::size_t first_held_ = 0;              ///< in waiting_, while there is a gap
  std::size_t held_ = 0;
  std::deque<Arrival> by_arrival_;  ///< the first of them is held, others may no longer be
  SequenceWindow<reach> come_;      ///< which of those before next_ have come
};

}  // namespace mpquic::tunnel
