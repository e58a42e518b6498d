#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/drop.h"
#include "base/time.h"
#include "packet/buffer_pool.h"
#include "tunnel/path_delay.h"
#include "tunnel/path_traits.h"
#include "tunnel/reorder.h"
#include "tunnel/sequence_header.h"
#include "tunnel/sequence_window.h"
#include "tunnel/smoothed.h"

namespace mpquic::tunnel {

/// Takes IP packets out of a tunnel. They are valid during the call.
class PacketSink {
 public:
  virtual void deliver(Bytes packet) = 0;

 protected:
  ~PacketSink() = default;
};

struct ReceiverLimits {
  std::size_t flows = 1024;                                ///< ordered ones; the one that was silent longest goes
  std::size_t held_packets = 4096;                         ///< of all flows together
  Duration longest_wait = std::chrono::milliseconds(150);  ///< for a packet that is missing: below TCP's least timeout
};

struct ReceiverStatistics {
  std::uint64_t filled = 0;    ///< packets that were missing and came in time
  std::uint64_t repaired = 0;  ///< of these: copies
  std::uint64_t given_up = 0;  ///< gaps that were waited for in vain
  std::uint64_t late = 0;      ///< packets that came after their gap was given up
  std::uint64_t duplicates = 0;
  std::size_t held_packets = 0;
};

struct ReceiverPathStatistics {
  std::uint64_t packets = 0;
  std::uint64_t copies = 0;   ///< of these
  std::uint64_t missing = 0;  ///< numbers of the path that have not come, or not yet
  Duration delay{};           ///< more than on the fastest path
};

/// The other direction of a session over all its paths (docs/multipath.md): recognises duplicates by their numbers, and
/// puts ordered flows in order.
///
/// A packet that is missing is waited for as long as it can still come: until each path has delivered something that
/// was sent later, or as long as that takes as measured, and as long as repairs have been seen to take; hardly, where
/// repairs have been seen not to come. What is behind it waits in memory of the pool. Flows never wait for each other.
class Receiver {
 public:
  /// `pool` and `drops` outlive the receiver.
  Receiver(const ReceiverLimits& limits, packet::BufferPool& pool, DropCounters& drops);

  void add_path(PathId path);
  /// Nothing comes over it any more.
  void remove_path(PathId path, Instant now, PacketSink& sink);
  /// Of its connection, as measured.
  void follow_round_trip(PathId path, Duration round_trip);

  /// A sequenced packet, or a probe, that came over the path. What has waited long enough, on_deadline() lets go: to be
  /// called after each batch of packets, too.
  void receive(PathId path, Bytes bytes, Instant now, PacketSink& sink);
  void receive_probe(PathId path, Bytes bytes, Instant now);
  /// When on_deadline() is due.
  Instant deadline() const;
  void on_deadline(Instant now, PacketSink& sink);

  ReceiverStatistics statistics() const;
  ReceiverPathStatistics statistics(PathId path) const;

 private:
  struct Path {
    PathDelay delay;
    Duration round_trip{};
    ReceiverPathStatistics counts;
    std::uint64_t numbers = 0;  ///< of the path, from the first that came to the newest
    std::uint32_t newest_sequence = 0;
  };
  /// A gap that was waited for in vain: its first sequence, and the first one behind it.
  struct GivenUp {
    std::uint32_t first = 0, end = 0;
    Instant since{};
  };
  struct Flow {
    std::uint16_t number = 0;
    Reorder order;
    Instant last{};
    GivenUp given_up;
  };
  using Flows = std::list<Flow>;

  void count(Path& path, std::uint32_t path_sequence, std::uint32_t sent_at, Instant now);
  void receive_ordered(const SequencedPacket& packet, Instant now, PacketSink& sink);
  Flow& flow_of(const SequenceHeader& header, Instant now, PacketSink& sink);
  void fill(const SequenceHeader& header, Duration after);
  void hold(Flow& flow, const SequencedPacket& packet, Instant now, PacketSink& sink);
  HeldPackets::Index keep(const Flow& flow, const SequencedPacket& packet, Instant now);
  void release(Flow& flow, PacketSink& sink);
  void deliver_early(Flow& flow, const SequencedPacket& packet, PacketSink& sink);
  void give_up(Flow& flow, PacketSink& sink);
  Flow& fullest_of_waiting();
  void give_up_due(Flow& flow, PacketSink& sink);
  void forget(Flows::iterator flow, PacketSink& sink);
  void settle(Instant now, PacketSink& sink);
  Instant due(const Flow& flow) const;
  Instant originals_due(const HeldPackets::Held& behind) const;
  void learn_late(const Flow& flow, const SequenceHeader& header, Instant now);
  void learn_repair(Duration taken);
  Duration repair_time() const;

  ReceiverLimits limits_;
  DropCounters& drops_;
  HeldPackets held_;
  std::array<std::unique_ptr<Path>, most_paths> paths_;
  SequenceWindow<65'536> unordered_;
  Flows flows_;  ///< the one that got something last comes first
  std::unordered_map<std::uint16_t, Flows::iterator> by_number_;
  std::vector<Flow*> waiting_;  ///< those with a gap
  Smoothed repair_time_;        ///< from the discovery of a gap until a copy fills it, or would have
  double repairs_come_ = 1;     ///< the share of gaps that waiting is good for, of late
  ReceiverStatistics counts_;
};

}  // namespace mpquic::tunnel
