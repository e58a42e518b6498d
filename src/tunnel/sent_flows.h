#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "tunnel/path_traits.h"
#include "tunnel/queue.h"

namespace mpquic::tunnel {

/// A flow of the queue as the sender knows it.
struct SentFlow {
  std::optional<PathId> path;    ///< pinned to it
  Instant placed_at{};           ///< when that was last looked at
  std::optional<Policy> policy;  ///< nullopt: the session's
  bool in_order = false;         ///< packets that overtake each other hurt it
  bool spread = false;           ///< over several paths
  bool hungry = false;           ///< since its last pause, it has wanted more than its path had
  std::uint16_t number = 0;      ///< on the wire, while ordered; 0: unordered
  std::uint32_t sequence = 0;    ///< of its next packet, while ordered
  std::size_t needs = 0;         ///< bytes of the last of its packets that a path had no room for
  Instant last_sent{};
  Instant standing_since = never;  ///< since when it always had something waiting
  // Of the spread flow, against what it had alone.
  double alone = 0;              ///< bytes a second before it was spread
  std::uint64_t sent_bytes = 0;  ///< since then, or since judged_at
  Instant judged_at{};
  unsigned worse = 0;     ///< times that spreading was found worse
  Instant alone_until{};  ///< not to be spread before
};

/// The flows of a session's queue, and the numbers that ordered ones have on the wire.
class SentFlows {
 public:
  explicit SentFlows(std::size_t count) : count_(count) {}

  SentFlow& operator[](FlowId id) {
    if (flows_.empty()) flows_.resize(count_);
    return flows_[id];
  }
  /// Gives it a number of its own, from whose first packet on it is ordered. Numbers go round, so that one is used
  /// again long after the other end has forgotten it.
  void order(SentFlow& flow) {
    flow.number = next_number_;
    flow.sequence = 0;
    next_number_ = next_number_ == last_number ? 1 : static_cast<std::uint16_t>(next_number_ + 1);
  }
  static void unorder(SentFlow& flow) { flow.number = 0; }
  std::uint32_t& unordered_sequence() { return unordered_sequence_; }
  template <typename Visit>
  void each(Visit&& visit) {
    for (std::size_t id = 0; id < flows_.size(); ++id) visit(static_cast<FlowId>(id), flows_[id]);
  }

 private:
  static constexpr std::uint16_t last_number = (1 << 14) - 1;

  std::size_t count_;
  std::vector<SentFlow> flows_;
  std::uint16_t next_number_ = 1;
  std::uint32_t unordered_sequence_ = 0;
};

}  // namespace mpquic::tunnel
