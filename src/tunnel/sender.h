#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "packet/buffer_pool.h"
#include "packet/split.h"
#include "quic/connection.h"
#include "tunnel/copies.h"
#include "tunnel/overflow.h"
#include "tunnel/path_meter.h"
#include "tunnel/path_traits.h"
#include "tunnel/placement.h"
#include "tunnel/sent_flows.h"
#include "tunnel/sequence_header.h"
#include "tunnel/session.h"

namespace mpquic::tunnel {

/// What stands before what, in a datagram of a path: the quarter stream id and the context id of an HTTP datagram. At
/// most 10 bytes each.
struct PathPrefixes {
  Bytes plain;      ///< before a whole IP packet, that is
  Bytes sequenced;  ///< before a sequence header
  Bytes probe;
};

/// What paths can carry besides whole packets.
enum class Wire : std::uint8_t {
  sequenced,  ///< sequence headers and probes (docs/connect-ip.md)
  /// Nothing: no packet is sent twice, no flow goes over two paths (bonded and redundant are as balanced).
  /// PathPrefixes::probe is a whole datagram that the other end understands, if there is one; a path begins with it.
  bare,
};

/// What a path has done so far, for status and metrics.
struct SenderPathStatistics {
  std::uint64_t packets = 0, bytes = 0;  ///< new ones
  std::uint64_t repairs = 0;             ///< sent again because they, or their path, were lost
  std::uint64_t duplicates = 0;          ///< sent twice on purpose (Policy::redundant)
  std::uint64_t probes = 0;
  std::uint64_t silences = 0;  ///< times that it was taken for dead
  bool works = true;
  bool probation = false;  ///< it answers again, and is to go on doing so
  bool chosen = true;      ///< by the policy: packets go over it, if there are enough of them
  double capacity = 0;     ///< bytes a second
  double loss = 0;
  Duration round_trip{};
};

/// One direction of a session over all its paths (docs/multipath.md). Packets wait in the Session's queue, above the
/// paths: a path that can send asks for one (late binding), and the sender decides whether it gets it.
///
/// What was sent is remembered until it is acknowledged; what a path loses, or owes when it falls silent, goes out
/// again.
///
///   path: new --> works --silent, down()--> silent --answers--> on probation --time--> works
///   the next path of a link that had one a moment before: new --> on probation
class Sender {
 public:
  /// QueueLimits::flows of the session, at the most.
  static constexpr std::size_t flow_count = 1024;

  /// `session` and `pool` outlive the sender. `pool` has blocks for the largest packet.
  Sender(Session& session, packet::BufferPool& pool, Policy policy, Wire wire, Instant now);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// `round_trip`: as the connection's handshake has measured it. nullopt: the session has most_paths.
  std::optional<PathId> add_path(const PathTraits& traits, const PathPrefixes& prefixes, Duration round_trip,
                                 Instant now);
  /// Its connection is gone. What it owes goes out over the others.
  void remove_path(PathId path, Instant now);
  void describe(PathId path, const PathTraits& traits, Instant now);
  /// Packets up to `smallest_mtu` that no path has room for may go there, for as long as there is the path; unordered,
  /// and never again.
  void set_overflow(PathId path, Overflow& overflow, std::size_t smallest_mtu);
  void set_policy(Policy policy);
  Policy policy() const { return policy_; }
  /// Its link is gone, or an ICMP error says so: as if it had fallen silent.
  void down(PathId path, Instant now);
  /// Something came over it, the last at this time. To Wire::bare it is proof enough that a silent path is back.
  void heard(PathId path, Instant at, Instant now);
  /// A probe is to go over it next.
  void probe_now(PathId path);

  /// What the path's connection writes from.
  quic::DatagramSource& source(PathId path);
  /// As quic::ConnectionOwner has it.
  void acknowledged(PathId path, std::uint64_t number, Instant now);
  void lost(PathId path, std::uint64_t number, Instant now);
  /// Once, after a batch of packets has come in over the path.
  void after_receive(PathId path, Instant now);

  /// A packet or super-packet from the TUN device. `in_order`: its flow suffers when packets overtake each other (TCP).
  /// `policy`: of its flow, if it is not that of the session.
  void push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, bool in_order, Instant now,
            std::optional<Policy> policy = std::nullopt);
  /// When on_deadline() is due; afterwards all paths are to be written.
  Instant deadline() const;
  void on_deadline(Instant now);
  /// Paths in the order in which they are to be written: the fastest first, so that it gets what there is.
  std::vector<PathId> write_order() const;

  SenderPathStatistics statistics(PathId path) const;

 private:
  class Path;

  /// How a link has behaved.
  struct Past {
    Instant failed_at{};  ///< the last time that it was silent for long, or that its path ended
    unsigned flaps = 0;   ///< each soon after the one before
  };
  struct GoneLink {
    std::string name;
    Past past;
  };

  /// The paths that can be chosen from, and what follows from them.
  struct Choice {
    explicit Choice(std::vector<PathView> from);

    std::vector<PathView> views;
    PathSet eligible;                  ///< those that may carry something
    PathSet spread;                    ///< those that flows are spread over
    std::optional<PathId> failover{};  ///< Policy::failover: where everything goes
  };

  // sender.cpp: what happens to paths.
  void refresh(Instant now);
  const Choice& choice_for(std::size_t size);
  void follow_round_trip();
  void follow_pauses();
  void fall_silent(Path& path, Instant now);
  void answered(Path& path, Instant now);
  void follow_predecessor(Path& path, Instant now);
  void begin_probation(Path& path, Instant now);
  void infer_losses(Path& path, Instant now);
  void repair(CopyId copy, Instant now);
  void drop_second_repairs(Path& path);
  void owe(CopyId copy, std::optional<PathId> not_over, Instant now);
  // sender_source.cpp: what goes out.
  const packet::Pieces* front(Path& path, std::size_t max_size, Instant now);
  const packet::Pieces* front_probe(Path& path, Instant now);
  const packet::Pieces* front_repair(Path& path, std::size_t room, Instant now);
  enum class Flows : std::uint8_t { all, small };
  const packet::Pieces* front_new(Path& path, std::size_t room, Flows flows, Instant now);
  void pop(Path& path);
  void pop_new(Path& path);
  void repair_twice(Path& path, CopyId copy);
  Policy possible(Policy policy) const;
  Policy policy_of(const SentFlow& flow) const { return flow.policy.value_or(policy_); }
  bool remembers(const Path& path) const;
  bool is_small(FlowId id);
  bool may_send(const Path& path, FlowId id, Instant now);
  bool may_spread(const Choice& choice, const Path& path, FlowId id, Instant now) const;
  void look_whether_hungry(const Choice& choice, FlowId id, Instant now);
  void judge(const Choice& choice, SentFlow& flow, Instant now);
  bool crowded(const Choice& choice) const;
  void share_paths(const Choice& choice, SentFlow& flow, Instant now);
  void order(SentFlow& flow, Instant now);

  Session& session_;
  packet::BufferPool& pool_;
  Copies copies_;
  const Wire wire_;
  Policy policy_ = Policy::bonded;
  bool bonds_ = true;  ///< some flow may be spread
  SentFlows flows_;
  std::size_t hungry_flows_ = 0;
  Instant shared_at_{};  ///< when one was last sent elsewhere for there being so many
  std::array<std::unique_ptr<Path>, most_paths> paths_;
  std::size_t path_count_ = 0;
  std::deque<GoneLink> gone_links_;  ///< that have names; the latest last, at most most_paths
  Instant refreshed_at_{};
  Choice choice_{{}};  ///< of all paths
  /// Of those that have room for a packet of this size, where not all have.
  std::optional<std::pair<std::size_t, Choice>> roomy_;
  std::size_t least_room_ = SIZE_MAX;  ///< of all paths
  double repair_budget_ = 64 << 10;    ///< bytes; some for the beginning
};

}  // namespace mpquic::tunnel
