#pragma once

#include <array>
#include <cstdint>
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
  std::size_t flows = 256;                                 ///< ordered ones; the one that was silent longest goes
  std::size_t held_packets = 4096;                         ///< of all flows together
  Duration longest_wait = std::chrono::milliseconds(150);  ///< for a packet that is missing: below TCP's least timeout
};

struct ReceiverStatistics {
  std::uint64_t filled = 0;    ///< gaps whose packet came in time
  std::uint64_t repaired = 0;  ///< of these: by a copy
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
/// was sent later, or as long as that takes as measured, and then as long as repairs have been seen to take. What is
/// behind it waits in memory of the pool. Flows never wait for each other.
class Receiver {
 public:
  /// `pool` and `drops` outlive the receiver.
  Receiver(const ReceiverLimits& limits, packet::BufferPool& pool, DropCounters& drops);

  void add_path(PathId path);
  /// Nothing comes over it any more.
  void remove_path(PathId path, Instant now, PacketSink& sink);
  /// Of its connection, as measured.
  void follow_round_trip(PathId path, Duration round_trip);

  /// A sequenced packet, or a probe, that came over the path.
  void receive(PathId path, Bytes bytes, Instant now, PacketSink& sink);
  void receive_probe(PathId path, Bytes bytes, Instant now, PacketSink& sink);
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
    std::uint32_t first_sequence = 0, newest_sequence = 0;
  };
  struct Flow {
    Reorder order;
    Instant last{};
  };
  using Flows = std::unordered_map<std::uint16_t, Flow>;

  void count(Path& path, std::uint32_t path_sequence, std::uint32_t sent_at, Instant now);
  void receive_ordered(const SequencedPacket& packet, Instant now, PacketSink& sink);
  Flow& flow_of(const SequenceHeader& header, Instant now, PacketSink& sink);
  void hold(Flow& flow, const SequencedPacket& packet, Instant now, PacketSink& sink);
  void release(Flow& flow, PacketSink& sink);
  void give_up(Flow& flow, std::uint32_t sequence, PacketSink& sink);
  Flow& fullest_of_waiting();
  void forget_silent_flow(PacketSink& sink);
  void settle(Instant now, PacketSink& sink);
  Instant due(const Reorder& order, Instant now) const;
  Instant originals_due(std::uint32_t sent_at, Instant now) const;
  Duration repair_time() const;

  ReceiverLimits limits_;
  DropCounters& drops_;
  HeldPackets held_;
  std::array<std::unique_ptr<Path>, most_paths> paths_;
  SequenceWindow<65'536> unordered_;
  Flows flows_;
  std::vector<Flow*> waiting_;  ///< those with a gap
  Smoothed repair_time_;        ///< from the discovery of a gap until a copy fills it
  ReceiverStatistics counts_;
};

}  // namespace mpquic::tunnel
