#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string_view>
#include <utility>
#include <vector>

#include "bottleneck.h"
#include "chance.h"
#include "parameters.h"

namespace linkem {

/// Why the model let go of a packet. The name is its key in the statistics.
enum class Drop : std::uint8_t { loss, burst, queue, mtu, cut, count_ };
inline constexpr std::size_t drop_count = static_cast<std::size_t>(Drop::count_);
std::string_view name(Drop reason);

struct ModelCounters {
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::array<std::uint64_t, drop_count> drops{};
};

/// One direction of the link: which packets arrive, and when. It knows no clock, no sockets and no bytes.
///
///   push --cut? mtu? loss?--> queue --rate or trace--> delay and jitter --> pop
///
/// Loss comes before the queue: a lost packet takes no capacity.
class Model {
 public:
  Model(Parameters parameters, std::uint64_t seed) : parameters_(std::move(parameters)), chance_(seed) {}

  /// How many copies the model has taken: 0 if the packet is dropped, 2 if it is doubled. Each is handed back by one
  /// pop, or by cut. `now` is when the packet came, which may be a little before the last pop.
  unsigned push(const Packet& packet, Instant now);

  struct Delivery {
    std::uint32_t slot = 0;
    Instant due;
  };
  /// The next packet that is due by `now`.
  std::optional<Delivery> pop(Instant now);

  /// When pop may succeed by itself.
  Instant deadline() const;

  /// The packets on their way meet the new rate and delay as far as they have not yet left the queue.
  void set(Parameters parameters, Instant now);
  const Parameters& parameters() const { return parameters_; }

  /// A cut link delivers nothing, not even what was on its way: those slots are returned.
  std::vector<std::uint32_t> cut();
  void heal() { cut_ = false; }
  bool is_cut() const { return cut_; }

  const ModelCounters& counters() const { return counters_; }
  std::uint64_t backlog() const { return bottleneck_.backlog(); }
  std::size_t in_flight() const { return in_flight_.size(); }

 private:
  struct Flying {
    Instant due;
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
    bool operator>(const Flying& other) const { return due != other.due ? due > other.due : order > other.order; }
  };

  unsigned drop(Drop reason);
  Duration extra_delay(const Fate& fate, Instant now);
  void advance(Instant now);
  void fly(std::uint32_t slot, Instant due) { in_flight_.push({due, order_++, slot}); }

  Parameters parameters_;
  Chance chance_;
  Bottleneck bottleneck_;
  std::priority_queue<Flying, std::vector<Flying>, std::greater<>> in_flight_;
  ModelCounters counters_;
  std::uint64_t order_ = 0;
  Instant last_due_{};
  Duration held_jitter_{};
  Instant hold_until_{};
  bool cut_ = false;
};

}  // namespace linkem
