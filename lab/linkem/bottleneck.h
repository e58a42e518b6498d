#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "parameters.h"

namespace linkem {

/// A frame as the model sees it. `slot` is the caller's name for it and means nothing here.
struct Packet {
  std::uint32_t slot = 0;
  std::uint32_t bytes = 0;     ///< of the whole frame, without FCS
  std::uint32_t ip_bytes = 0;  ///< of the IP packet inside; 0 if the frame carries something else
};

/// A packet on its way, with what chance decided when it arrived.
struct Underway {
  Packet packet;
  Duration extra{};        ///< jitter (may be negative) or the delay of a reordered packet, added after the queue
  bool own_place = false;  ///< reordered: neither waits for others nor holds them up
};

/// A drop-tail queue in front of a sender of a fixed rate, or of one that follows a trace. Without either of them
/// packets pass at once.
class Bottleneck {
 public:
  /// False: the queue is full and the packet was not taken. Call advance until it yields nothing before this.
  bool push(const Underway& packet, Instant now, const Parameters& parameters);

  struct Departure {
    Underway packet;
    Instant time;
  };
  /// The next packet whose last bit has left by `now`.
  std::optional<Departure> advance(Instant now, const Parameters& parameters);

  /// When the packet at the head is through; never, if there is none.
  Instant deadline() const { return queue_.empty() ? mpquic::never : head_done_; }

  /// The rate or the trace is another one: applies it to the packet at the head too.
  void reschedule(Instant now, const Parameters& parameters);

  std::deque<Underway> clear();
  std::uint64_t backlog() const { return backlog_; }

 private:
  Instant finish(std::uint32_t bytes, Instant start, const Parameters& parameters);

  std::deque<Underway> queue_;
  std::uint64_t backlog_ = 0;
  Instant head_done_{};
  Instant free_at_{};

  // Where in the trace we are. Credit is the rest of an opportunity and is worth something at its moment only.
  std::optional<Instant> trace_start_;
  std::uint64_t opportunity_ = 0;
  std::int64_t credit_ = 0;
};

}  // namespace linkem
