// Packets of some flows over paths that delay, lose, double and reorder them, copies of those that are lost, and a path
// that dies: whatever happens, each comes out once, in order or said to be late, and soon.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "tunnel/receiver.h"

namespace mpquic::tunnel {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Id = std::pair<std::uint16_t, std::uint32_t>;  // flow, sequence

struct Arrival {
  Instant at;
  PathId path = 0;
  SequenceHeader header;
};

/// How wild it is.
struct Weather {
  unsigned loss = 0;        ///< in a thousand
  unsigned unrepaired = 0;  ///< of these, in a hundred
  unsigned doubled = 0;     ///< in a thousand
  Duration jitter{};        ///< at most; packets of a path overtake each other
  std::size_t held_packets = 4096;
  std::size_t blocks = 6000;
};

/// What some seconds of traffic are at the receiving end, in order of arrival.
class Traffic {
 public:
  Traffic(const Weather& weather, std::uint32_t seed, Instant begin) : weather_(weather), random_(seed), now_(begin) {
    for (auto& path : paths_) {
      path.delay = milliseconds(2 + below(80));
      path.sequence = static_cast<std::uint32_t>(random_());
    }
    for (int i = 0; i < 20'000; ++i) send();
    std::ranges::stable_sort(arrivals_, {}, &Arrival::at);
  }
  const std::vector<Arrival>& arrivals() const { return arrivals_; }
  static constexpr std::size_t path_count = 3;
  /// From then on nothing comes over path 0.
  static constexpr int dies_after = 12'000;

 private:
  struct Path {
    Duration delay{};
    std::uint32_t sequence = 0;
  };

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool happens(unsigned in_a_thousand) { return below(1000) < in_a_thousand; }
  void arrive(PathId path, SequenceHeader header, Instant sent) {
    header.path_sequence = paths_[path].sequence++;
    header.sent_at = tunnel::microseconds(sent);
    const auto jitter = microseconds(below(1 + static_cast<unsigned>(weather_.jitter / microseconds(1))));
    arrivals_.push_back({sent + paths_[path].delay + jitter, path, header});
  }
  void send() {
    now_ += microseconds(below(200));
    const auto flow = static_cast<std::uint16_t>(below(5));
    // One flow is watched from somewhere in the middle on.
    const std::uint32_t base = flow == 4 ? 0xfffffe00U : 0;
    const SequenceHeader header{.ordered = flow != 0, .flow = flow, .sequence = base + next_[flow]++};
    auto path = static_cast<PathId>(below(path_count));
    const bool dead = path == 0 && ++sent_ > dies_after;
    if (!dead && !happens(weather_.loss)) {
      arrive(path, header, now_);
      if (happens(weather_.doubled)) repeat(header, now_ + microseconds(below(5000)));
    } else if (below(100) >= weather_.unrepaired) {
      repeat(header, now_ + paths_[path].delay * 5 / 2 + milliseconds(below(5)));
    }
  }
  void repeat(SequenceHeader header, Instant at) {
    header.copy = true;
    arrive(static_cast<PathId>(1 + below(path_count - 1)), header, at);
  }

  Weather weather_;
  std::mt19937 random_;
  Instant now_;
  Path paths_[path_count];
  std::map<std::uint16_t, std::uint32_t> next_;
  int sent_ = 0;
  std::vector<Arrival> arrivals_;
};

class AnyOrder : public testing::TestWithParam<std::uint32_t>, public PacketSink {
 protected:
  void deliver(Bytes packet) override {
    const Id id{load_be16(&packet[0]), load_be32(&packet[2])};
    ASSERT_TRUE(delivered_.insert(id).second) << "flow " << id.first << " sequence " << id.second << " came out twice";
    const auto arrived = arrived_.find(id);
    ASSERT_NE(arrived, arrived_.end()) << "something came out that did not come in";
    const Duration waited = now_ - arrived->second;
    ASSERT_LE(waited, ReceiverLimits{}.longest_wait) << "flow " << id.first << " sequence " << id.second;
    if (id.first == 0) {
      ASSERT_EQ(waited, Duration::zero());
      return;
    }
    const auto [highest, is_first] = highest_.emplace(id);
    if (is_first) return;
    if (distance(id.second, highest->second) < 0)
      ++overtaken_;
    else
      highest->second = id.second;
  }
  void wait_until(Receiver& receiver, Instant end) {
    while (receiver.deadline() <= end) {
      now_ = std::max(now_, receiver.deadline());
      receiver.on_deadline(now_, *this);
      ASSERT_GT(receiver.deadline(), now_) << "a timer in the past";
    }
    now_ = end;
  }
  void receive(Receiver& receiver, const Arrival& arrival) {
    std::vector<std::uint8_t> bytes(sequence_header_size + 6);
    write(arrival.header, std::span(bytes).first<sequence_header_size>());
    store_be16(&bytes[sequence_header_size], arrival.header.flow);
    store_be32(&bytes[sequence_header_size + 2], arrival.header.sequence);
    arrived_.emplace(Id{arrival.header.flow, arrival.header.sequence}, now_);
    receiver.receive(arrival.path, bytes, now_, *this);
  }
  void play(const Weather& weather) {
    const Traffic traffic(weather, GetParam(), now_);
    packet::BufferPool pool(64, weather.blocks);
    DropCounters drops;
    {
      Receiver receiver({.held_packets = weather.held_packets}, pool, drops);
      for (PathId path = 0; path < Traffic::path_count; ++path) {
        receiver.add_path(path);
        receiver.follow_round_trip(path, milliseconds(80));
      }
      for (const Arrival& arrival : traffic.arrivals()) {
        ASSERT_NO_FATAL_FAILURE(wait_until(receiver, arrival.at));
        ASSERT_NO_FATAL_FAILURE(receive(receiver, arrival));
        ASSERT_LE(receiver.statistics().held_packets, std::min(weather.held_packets, (weather.blocks + 1) / 2));
      }
      ASSERT_NO_FATAL_FAILURE(wait_until(receiver, now_ + std::chrono::seconds(1)));
      statistics_ = receiver.statistics();
    }
    EXPECT_EQ(pool.available(), weather.blocks) << "memory was not given back";
    EXPECT_EQ(statistics_.held_packets, 0U);
    EXPECT_EQ(delivered_.size(), arrived_.size()) << "what came in is to come out";
    EXPECT_EQ(statistics_.late, overtaken_);
    EXPECT_EQ(statistics_.duplicates, traffic.arrivals().size() - delivered_.size());
    EXPECT_EQ(drops[Drop::duplicate], statistics_.duplicates);
  }

  Instant now_ = Instant() + std::chrono::hours(1) + std::chrono::nanoseconds(321);
  std::map<Id, Instant> arrived_;  ///< the first time
  std::set<Id> delivered_;
  std::map<std::uint16_t, std::uint32_t> highest_;
  std::uint64_t overtaken_ = 0;
  ReceiverStatistics statistics_;
};

TEST_P(AnyOrder, OfPathsThatLoseNothingIsMended) {
  play({});
  // The beginning, when nobody knows yet how slow the paths are, and the death of one are not held against it.
  EXPECT_LE(statistics_.late, 20U);
}

TEST_P(AnyOrder, OfLossThatIsRepairedIsMended) {
  play({.loss = 10, .doubled = 20, .jitter = microseconds(300)});
  EXPECT_GT(statistics_.repaired, 50U);
  EXPECT_LT(statistics_.late, statistics_.filled / 10);
}

TEST_P(AnyOrder, OfLossThatIsSeldomRepairedIsSomeTimesGivenUp) {
  play({.loss = 30, .unrepaired = 70, .doubled = 20, .jitter = milliseconds(1)});
  EXPECT_GT(statistics_.given_up, 100U);
}

TEST_P(AnyOrder, OfPathsThatShuffle) { play({.loss = 5, .doubled = 100, .jitter = milliseconds(30)}); }

TEST_P(AnyOrder, WithLittleMemoryIsMendedAsFarAsItGoes) {
  play({.loss = 20, .unrepaired = 20, .doubled = 50, .jitter = milliseconds(5), .held_packets = 20});
  EXPECT_GT(statistics_.given_up, 100U);
}

TEST_P(AnyOrder, WithHardlyAnyMemoryIsLeftAsItIs) {
  play({.loss = 20, .doubled = 50, .jitter = milliseconds(5), .blocks = 3});
  EXPECT_GT(statistics_.late, 100U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrder, testing::Range(1U, 9U));

}  // namespace
}  // namespace mpquic::tunnel
