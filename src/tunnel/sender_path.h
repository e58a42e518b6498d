#pragma once

#include <algorithm>
#include <array>
#include <deque>

#include "tunnel/sender.h"

namespace mpquic::tunnel {

/// A flow that paused for so long may take another path: what it sent has arrived.
constexpr Duration pause_between_bursts = std::chrono::milliseconds(500);

/// A packet that is to be sent again.
struct Repair {
  enum class Reason : std::uint8_t {
    lost,
    second,     ///< it was sent again, and that may be lost, too
    on_purpose  ///< it is not lost: Policy::redundant
  };

  CopyId copy = no_copy;  ///< with a use of its own
  Instant since{};
  Reason reason = Reason::lost;
};

/// One path of a Sender, as its connection sees it.
class Sender::Path final : public quic::DatagramSource {
 public:
  enum class Health : std::uint8_t { works, silent, probation };
  enum class Shown : std::uint8_t { nothing, probe, repair, plain, sequenced };

  Path(Sender& of, PathId path, PathTraits traits_of_it, Duration round_trip, Instant now)
      : sender(of),
        id(path),
        traits(std::move(traits_of_it)),
        meter(round_trip, now),
        works_since(now),
        last_sent(now) {}

  const packet::Pieces* front(std::size_t max_size, Instant now) override { return sender.front(*this, max_size, now); }
  bool more() const override { return sender.session_.more() || repairs.size() > 1; }
  void pop() override { sender.pop(*this); }
  Bytes prefix() const override { return Bytes(header).first(header_size); }
  void pause(bool now_pauses) override {
    if (std::exchange(pauses, now_pauses) != now_pauses) sender.follow_pauses();
  }

  bool works() const { return health == Health::works; }
  Instant probe_due() const;

  /// Puts a prefix, and behind it a sequence header, before what is shown.
  void show(Shown what, Bytes prefix, const SequenceHeader* sequence = nullptr);

  Sender& sender;
  const PathId id;
  PathTraits traits;
  PathMeter meter;
  Health health = Health::works;
  Instant works_since;
  Instant probation_ends = never;
  Instant silent_at{};
  bool failed = false;  ///< silent because its link is known to be down
  Past past;
  Instant last_sent;
  bool probe_next = false;
  bool pauses = false;                ///< DatagramSource::pause()
  std::deque<Repair> repairs;         ///< that are to go over this path
  std::deque<Repair> second_repairs;  ///< the same, each from Repair::since on
  std::size_t room = SIZE_MAX;        ///< for a packet, as the connection said last
  Overflow* overflow = nullptr;
  std::uint32_t path_sequence = 0;
  std::uint64_t rewarded_bytes = 0;  ///< delivered, and counted for the repair budget
  std::uint64_t load_bytes = 0;      ///< sent since the last refresh
  double load = 0;                   ///< bytes a second
  SenderPathStatistics counts;

  // What front() shows.
  static constexpr std::size_t prefix_max = 10;
  struct Prefix {
    std::array<std::uint8_t, prefix_max> bytes{};
    std::size_t size = 0;
    void set(Bytes from) {
      std::ranges::copy(from, bytes.begin());
      size = from.size();
    }
    operator Bytes() const { return Bytes(bytes).first(size); }
  };
  Prefix plain, sequenced, probe;
  std::array<std::uint8_t, prefix_max + sequence_header_size> header{};
  std::size_t header_size = 0;
  Shown shown = Shown::nothing;
  const packet::Pieces* shown_packet = nullptr;
  packet::Pieces own_packet;  ///< a probe or a repair
  std::array<std::uint8_t, 8> probe_bytes{};
  Instant shown_at{};
};

}  // namespace mpquic::tunnel
