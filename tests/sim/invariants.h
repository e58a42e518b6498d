#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mpquic::sim {

class End;
class Link;
class Watch;
class World;

/// What must hold at any time, looked at after every turn of an end; what must hold soon, ten times a second; and what
/// must hold when everything has come to rest. Whatever does not is complained of to the world. (What can be said of a
/// single packet, Watch says.)
class Invariants {
 public:
  explicit Invariants(World& world) : world_(world) {}

  /// `on_time`: it was only a timer that called for it.
  void after_turn(End& end, bool on_time);
  /// After whatever has happened.
  void look();
  /// Nothing is sent any more, and there was time enough for all to arrive.
  void at_rest();

 private:
  struct PathSeen {
    std::uint64_t sent;
    Instant sent_at, worked_at, passes_since;
  };

  void look_at_memory(End& end);
  void look_at_order();
  void look_at_paths(End& end);
  /// What was sent came out at the other end, or it is known where it was lost.
  void account(const Watch& watch, const End& from, const std::vector<std::unique_ptr<Link>>& links);

  World& world_;
  std::map<const End*, std::uint64_t> late_timers_;  ///< turns in a row that left a deadline in the past
  std::map<const End*, std::uint64_t> timers_;       ///< turns for the sake of a timer, this second
  Instant timers_since_{};
  Instant looked_at_{};
  std::map<std::pair<const End*, std::uint64_t>, PathSeen> paths_;  ///< by their ends and numbers
  std::uint64_t disorder_at_server_ = 0, disorder_at_box_ = 0;      ///< complained of
  std::map<std::size_t, Instant> passes_since_;                     ///< by link
};

}  // namespace mpquic::sim
