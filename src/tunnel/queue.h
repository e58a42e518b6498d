#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/drop.h"
#include "base/time.h"
#include "packet/buffer_pool.h"
#include "packet/split.h"

namespace mpquic::tunnel {

struct QueueLimits {
  std::size_t bytes = 4 << 20;
  Duration target = std::chrono::milliseconds(5);      ///< standing delay that CoDel accepts, RFC 8289 4.3
  Duration interval = std::chrono::milliseconds(100);  ///< for how long: about the largest usual round trip
  std::size_t quantum = 1514;                          ///< bytes a flow may send in its turn, RFC 8290 5.2
  std::size_t flows = 64;                              ///< that are told apart by their hashes, 1 to 32,768
};

/// A flow of a queue, as hashes tell them apart: 0 to QueueLimits::flows - 1.
using FlowId = std::uint16_t;

/// Which flows are looked for packets in.
class FlowFilter {
 public:
  virtual bool passes(FlowId flow) const = 0;

 protected:
  ~FlowFilter() = default;
};

/// What waits above a session's paths: FQ-CoDel (RFC 8290, RFC 8289) over packets and super-packets.
///
/// A super-packet is queued whole and cut when its turn comes, so everything below is decided packet by packet: a flow
/// that sends little overtakes the rest of a bulk flow's 64 KB, and CoDel takes one packet out of them, not all.
///
/// An empty queue that was never pushed to costs its own size, one that has calmed down below 4 KiB more.
class Queue {
 public:
  /// `drops` outlives the queue.
  Queue(const QueueLimits& limits, DropCounters& drops);

  /// Takes a packet or super-packet (not an empty one). `memory` holds what `packets` points into. `flow_hash` is the
  /// same for all packets of a flow. While there are more bytes than the limit, packets go from the head of the flow
  /// with the most (Drop::queue_full), never one that front() has shown.
  void push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, Instant now);

  /// The packet to send next, nullptr when there is none. CoDel acts here: packets that it drops are counted as
  /// Drop::queue_delay, and ECN-capable ones are sent with Congestion Experienced instead (RFC 8289 5.6, RFC 3168).
  ///
  /// Without a filter it stays the same, whatever `max_packet` and `now` say later and whatever is pushed, until pop().
  /// With one it is the next packet of the flows that pass. A packet that was shown and not popped stays its flow's
  /// next one, of the same size.
  ///
  /// Of a super-packet, all that still comes is marked at once: it is part of one window of its sender, who slows down
  /// once per round trip however many marks come back (RFC 3168 6.1.2), and early marks are what keeps queues short.
  const packet::Pieces* front(std::size_t max_packet, Instant now, const FlowFilter* filter = nullptr);
  /// Whose packet front() gave.
  FlowId front_flow() const { return front_flow_; }
  /// Whether a packet waits behind front(). CoDel may yet drop it.
  bool more() const { return bytes_ > (front_flow_ == no_flow ? 0 : shown_of(front_flow_)->bytes); }
  /// Forgets what front() gave last, which must not have been nullptr, and gives back its memory if nothing else is in
  /// there.
  void pop();
  /// Which flow a packet of this hash belongs to.
  FlowId flow_of(std::uint32_t flow_hash) const;
  /// As bytes(), of one flow.
  std::size_t bytes_of(FlowId flow) const { return flows_ ? flows_[flow].bytes : 0; }

  /// The path's round trip, which the inner flows' own are at least. CoDel must give a sender a round trip to react
  /// (RFC 8289 4.3), or long paths are never filled.
  void follow_round_trip(Duration round_trip);
  /// Packets may wait so much longer than CoDel would have it.
  void allow_standing(Duration delay) { standing_ = delay; }
  /// However long packets wait for now, CoDel takes it for no congestion; it begins anew afterwards.
  void pause_codel(bool pauses) { codel_pauses_ = pauses; }

  bool empty() const { return bytes_ == 0; }
  /// How many blocks of this pool the waiting packets occupy. A small super-packet occupies a whole large block.
  std::size_t blocks_of(const packet::BufferPool& pool) const;
  /// What waits, front() included (Splitter::bytes_left()).
  std::size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    packet::Buffer memory;
    std::optional<packet::Splitter> packets;  ///< nullopt only in spare_
    Instant since;
  };

  /// Tells, packet by packet, when the sender of a flow must be told to slow down. RFC 8289 5: the same variables.
  class Codel {
   public:
    /// Asked once for every packet at the head of the flow, waiting since `since`. `last`: no more than one full packet
    /// is behind it.
    bool signals(Instant since, bool last, const QueueLimits& limits, Instant now);
    void emptied();

   private:
    bool stands(Instant since, bool last, const QueueLimits& limits, Instant now);
    Duration spacing(const QueueLimits& limits) const;

    Instant first_above_ = never;  ///< when "above the target" has lasted an interval
    Instant next_{};               ///< when to signal next, or was to when it ended
    std::uint16_t count_ = 0;      ///< signals since it began
    std::uint16_t last_count_ = 0;
    bool signalling_ = false;
  };

  static constexpr FlowId no_flow = 65'535;

  //  idle --push--> sparse --quantum used, or empty--> steady --empty at its turn--> idle     (RFC 8290 4.2)
  enum class Turn : std::uint8_t { idle, sparse, steady };

  struct Flow {
    std::list<Waiting> waiting;
    std::uint32_t bytes = 0;            ///< as Queue::bytes()
    std::int32_t deficit = 0;           ///< bytes it may still send in this turn
    [[no_unique_address]] Codel codel;  ///< its padding takes the next two: a flow is one of many
    Turn turn = Turn::idle;
    FlowId next = no_flow;  ///< in the same Line
  };

  /// A packet that was cut off the head of its flow, and is still to be popped.
  struct Shown {
    FlowId flow;
    packet::Pieces packet;
    std::size_t bytes;  ///< what pop() takes off the count
  };

  /// Flows in the order of their turns, linked through Flow::next.
  struct Line {
    FlowId first = no_flow;
    FlowId last = no_flow;
  };

  /// Blocks of one pool.
  struct Occupied {
    const packet::BufferPool* pool = nullptr;
    std::size_t blocks = 0;
  };

  void append(Line& line, FlowId id);
  /// Takes out the one behind `previous`; no_flow: the first.
  FlowId take(Line& line, FlowId previous);
  const packet::Pieces* front_of(Line& line, const FlowFilter* filter, Instant now);
  const Shown* shown_of(FlowId id) const;
  bool discard_late(Flow& flow, Instant now);
  const packet::Pieces* take_front(FlowId id);
  bool drop_from_fattest();
  std::size_t droppable(FlowId id) const;
  void drop(Flow& flow, std::list<Waiting>::iterator from, Drop reason);
  void forget(Flow& flow, std::size_t bytes);
  Occupied& occupied(const packet::Buffer& memory);
  void recycle(Flow& flow, std::list<Waiting>::iterator done);

  const QueueLimits configured_;
  QueueLimits limits_;  ///< with what follows the round trip
  Duration standing_{};
  bool codel_pauses_ = false;
  DropCounters& drops_;
  std::unique_ptr<Flow[]> flows_;  ///< taken by the first push
  Line sparse_;
  Line steady_;
  std::list<Waiting> spare_;  ///< list nodes for the next packets, so that none is allocated per packet
  std::size_t bytes_ = 0;
  std::array<Occupied, 3> occupied_{};  ///< a worker has three pools

  std::vector<Shown> shown_;        ///< one for each flow at the most, and seldom more than paths
  FlowId front_flow_ = no_flow;     ///< of the shown packet that front() gave last; no_flow: it is yet to choose
  std::size_t max_packet_ = 65535;  ///< as front() last heard: how dropped super-packets are cut, and counted
};

}  // namespace mpquic::tunnel
