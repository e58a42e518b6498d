#include "tunnel/receiver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ReceiverTest : public testing::Test, public PacketSink {
 protected:
  static constexpr std::size_t blocks = 6000;

  void SetUp() override {
    for (const PathId path : {fast, slow}) receiver_->add_path(path);
    receiver_->follow_round_trip(fast, milliseconds(20));
    receiver_->follow_round_trip(slow, milliseconds(60));
  }
  void TearDown() override {
    receiver_.reset();
    EXPECT_EQ(pool_.available(), blocks) << "memory was not given back";
  }
  void deliver(Bytes packet) override {
    if (packet.size() >= 4) delivered_.push_back(load_be32(packet.data()));
  }

  struct Packet {
    std::uint16_t flow = 1;
    std::uint32_t sequence = 0;
    bool copy = false;
    bool ordered = true;
  };
  /// It was sent `ago`, over the path. What comes out of the tunnel is its sequence.
  void receive(PathId path, Packet packet, Duration ago) {
    std::vector<std::uint8_t> bytes(sequence_header_size + 4);
    const SequenceHeader header{.ordered = packet.ordered,
                                .copy = packet.copy,
                                .flow = packet.flow,
                                .sequence = packet.sequence,
                                .path_sequence = path_sequences_[path]++,
                                .sent_at = microseconds_of(now_ - ago)};
    write(header, std::span(bytes).first<sequence_header_size>());
    store_be32(&bytes[sequence_header_size], packet.sequence);
    receiver_->receive(path, bytes, now_, *this);
  }
  static std::uint32_t microseconds_of(Instant time) { return tunnel::microseconds(time); }
  /// Both paths deliver for a while, so that their delays are known: 10 and 30 ms.
  void settle() {
    for (int i = 0; i < 50; ++i) {
      now_ += milliseconds(1);
      receive(fast, {0, unordered_++, false, false}, milliseconds(10));
      receive(slow, {0, unordered_++, false, false}, milliseconds(30));
    }
    delivered_.clear();
  }
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    while (receiver_->deadline() <= end) {
      now_ = std::max(now_, receiver_->deadline());
      receiver_->on_deadline(now_, *this);
      ASSERT_GT(receiver_->deadline(), now_) << "a timer in the past";
    }
    now_ = end;
  }
  std::vector<std::uint32_t> taken() { return std::exchange(delivered_, {}); }
  using Sequences = std::vector<std::uint32_t>;

  static constexpr PathId fast = 0, slow = 1;
  packet::BufferPool pool_{2048, blocks};
  DropCounters drops_;
  Instant now_ = Instant() + std::chrono::hours(1);
  std::optional<Receiver> receiver_{std::in_place, ReceiverLimits{}, pool_, drops_};
  std::map<PathId, std::uint32_t> path_sequences_;
  std::uint32_t unordered_ = 0;
  std::vector<std::uint32_t> delivered_;
};

TEST_F(ReceiverTest, WhatIsInOrderIsDeliveredAtOnce) {
  for (std::uint32_t i = 0; i < 5; ++i) receive(fast, {.sequence = i}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0, 1, 2, 3, 4}));
  EXPECT_EQ(receiver_->deadline(), never);
}

TEST_F(ReceiverTest, ADuplicateIsKnownByItsNumber) {
  for (const bool ordered : {true, false}) {
    receive(fast, {.flow = ordered, .sequence = 0, .ordered = ordered}, milliseconds(10));
    receive(slow, {.flow = ordered, .sequence = 0, .copy = true, .ordered = ordered}, milliseconds(30));
    EXPECT_EQ(taken(), (Sequences{0}));
  }
  EXPECT_EQ(drops_[Drop::duplicate], 2U);
  // The same bytes with other numbers are other packets.
  receive(fast, {.flow = 7, .sequence = 0}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0}));
}

TEST_F(ReceiverTest, WhatComesOverAFasterPathWaitsForWhatIsStillOnTheWay) {
  settle();
  receive(fast, {.sequence = 1}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
  now_ += milliseconds(10);
  receive(slow, {.sequence = 0}, milliseconds(30));
  EXPECT_EQ(taken(), (Sequences{0, 1}));
  EXPECT_EQ(receiver_->statistics().filled, 1U);
}

TEST_F(ReceiverTest, FlowsDoNotWaitForEachOther) {
  settle();
  receive(fast, {.flow = 1, .sequence = 1}, milliseconds(10));
  receive(fast, {.flow = 2, .sequence = 0}, milliseconds(10));
  receive(fast, {.flow = 0, .sequence = 9000, .ordered = false}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0, 9000}));
}

TEST_F(ReceiverTest, ARepairIsWaitedForAndNoLonger) {
  settle();
  receive(fast, {.sequence = 0}, milliseconds(10));
  receive(fast, {.sequence = 2}, milliseconds(10));
  taken();
  wait(milliseconds(100));
  EXPECT_TRUE(taken().empty()) << "a repair, and another if that is lost, may yet come";
  wait(milliseconds(60));
  EXPECT_EQ(taken(), (Sequences{2}));
  EXPECT_EQ(receiver_->statistics().given_up, 1U);
}

TEST_F(ReceiverTest, AWaitIsShorterWherePathsAreShort) {
  receiver_->follow_round_trip(slow, milliseconds(20));
  for (int i = 0; i < 50; ++i) {
    now_ += milliseconds(1);
    for (const PathId path : {fast, slow}) receive(path, {0, unordered_++, false, false}, milliseconds(10));
  }
  taken();
  receive(fast, {.sequence = 1}, milliseconds(10));
  wait(milliseconds(62));
  EXPECT_EQ(taken(), (Sequences{1}));
}

TEST_F(ReceiverTest, NothingWaitsLongerThanTheBound) {
  settle();
  receiver_->follow_round_trip(slow, seconds(5));
  receive(fast, {.sequence = 1}, milliseconds(10));
  wait(milliseconds(149));
  EXPECT_TRUE(taken().empty());
  wait(milliseconds(2));
  EXPECT_EQ(taken(), (Sequences{1}));
}

TEST_F(ReceiverTest, LateIsBetterThanNever) {
  settle();
  receive(fast, {.sequence = 1}, milliseconds(10));
  wait(milliseconds(200));
  taken();
  receive(slow, {.sequence = 0, .copy = true}, milliseconds(30));
  EXPECT_EQ(taken(), (Sequences{0}));
  receive(slow, {.sequence = 0, .copy = true}, milliseconds(30));
  EXPECT_TRUE(taken().empty()) << "but once";
  EXPECT_EQ(receiver_->statistics().late, 1U);
}

TEST_F(ReceiverTest, APathThatIsGoneIsNotWaitedFor) {
  settle();
  receive(fast, {.sequence = 1}, milliseconds(10));
  receiver_->follow_round_trip(fast, milliseconds(4));
  receiver_->remove_path(slow, now_, *this);
  wait(milliseconds(25));
  EXPECT_EQ(taken(), (Sequences{1}));
}

TEST_F(ReceiverTest, NumbersWrap) {
  std::uint32_t sequence = 0xfffffff0U;
  for (int i = 0; i < 40; ++i) receive(fast, {.sequence = sequence++}, milliseconds(10));
  EXPECT_EQ(taken().size(), 40U);
  receive(fast, {.sequence = sequence + 1}, milliseconds(10));
  receive(fast, {.sequence = sequence}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{sequence, sequence + 1}));
}

TEST_F(ReceiverTest, TheFirstPacketsOfAFlowMayBeOvertaken) {
  settle();
  receive(fast, {.sequence = 3}, milliseconds(10));
  for (const std::uint32_t sequence : {0U, 1U, 2U}) receive(slow, {.sequence = sequence}, milliseconds(30));
  EXPECT_EQ(taken(), (Sequences{0, 1, 2, 3}));
}

TEST_F(ReceiverTest, AFlowThatIsJoinedLateBeginsWhereItIs) {
  receive(fast, {.flow = 5, .sequence = 70'000}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{70'000}));
}

TEST_F(ReceiverTest, WhatIsNoPacketIsDropped) {
  for (std::size_t size = 0; size <= sequence_header_size; ++size) {
    receiver_->receive(fast, std::vector<std::uint8_t>(size), now_, *this);
  }
  EXPECT_EQ(drops_[Drop::malformed], sequence_header_size + 1);
  receiver_->receive_probe(fast, std::vector<std::uint8_t>(7), now_);
  EXPECT_EQ(drops_[Drop::malformed], sequence_header_size + 2);
  EXPECT_TRUE(taken().empty());
}

TEST_F(ReceiverTest, WhoLiesAboutNumbersAndTimesCostsLittle) {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    now_ += std::chrono::microseconds(random() % 100);
    const PathId path = random() % 2;
    Packet packet{static_cast<std::uint16_t>(random() % 5000), static_cast<std::uint32_t>(random()), random() % 2 == 0};
    if (random() % 2 == 0) packet.sequence %= 20'000;
    receive(path, packet, std::chrono::microseconds(static_cast<std::int64_t>(random())));
    ASSERT_LE(receiver_->statistics().held_packets, ReceiverLimits{}.held_packets);
  }
  wait(milliseconds(200));
  EXPECT_EQ(receiver_->statistics().held_packets, 0U);
  EXPECT_EQ(receiver_->deadline(), never);
}

TEST_F(ReceiverTest, WithoutMemoryThingsComeOutOfOrder) {
  settle();
  std::vector<packet::Buffer> all;
  while (pool_.available() > 0) all.push_back(pool_.take());
  receive(fast, {.sequence = 1}, milliseconds(10));
  receive(fast, {.sequence = 3}, milliseconds(10));
  receive(fast, {.sequence = 2}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{1, 3, 2}));
  receive(fast, {.sequence = 3}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
}

/// Packets of some flows over paths that delay, lose and double them, and copies of those that are lost.
class AnyOrder : public ReceiverTest, public testing::WithParamInterface<unsigned> {};

TEST_P(AnyOrder, EverythingComesOutOnceAndInOrderButForWhatWasGivenUp) {
  settle();
  std::mt19937 random(GetParam());
  struct Arrival {
    Instant at;
    PathId path;
    Packet packet;
    Instant sent;
  };
  std::vector<Arrival> arrivals;
  std::map<std::uint16_t, std::uint32_t> next;
  Instant sent = now_;
  const Duration delays[] = {milliseconds(10), milliseconds(30)};
  for (int i = 0; i < 20'000; ++i) {
    sent += std::chrono::microseconds(random() % 200);
    const auto flow = static_cast<std::uint16_t>(1 + random() % 3);
    const PathId path = random() % 2;
    Packet packet{flow, next[flow]++, false, true};
    const auto jitter = std::chrono::microseconds(random() % 500);
    if (random() % 100 != 0) {
      arrivals.push_back({sent + delays[path] + jitter, path, packet, sent});
      if (random() % 50 == 0) arrivals.push_back({sent + delays[1] + jitter + milliseconds(1), 1, packet, sent});
    } else if (random() % 10 != 0) {
      const Instant again = sent + 2 * delays[path] + milliseconds(8);
      packet.copy = true;
      arrivals.push_back({again + delays[0], 0, packet, again});
    }
  }
  std::ranges::stable_sort(arrivals, {}, &Arrival::at);
  std::set<std::pair<std::uint16_t, std::uint32_t>> came;
  std::map<std::uint16_t, std::uint32_t> highest;
  std::size_t out = 0, disorder = 0;
  std::uint16_t flow_of_last = 0;
  for (const Arrival& arrival : arrivals) {
    wait(arrival.at - now_);
    out += taken().size();
    came.emplace(arrival.packet.flow, arrival.packet.sequence);
    receive(arrival.path, arrival.packet, now_ - arrival.sent);
    flow_of_last = arrival.packet.flow;
    for (const std::uint32_t sequence : taken()) {
      ++out;
      // What comes out with it is mostly of the same flow; what was given up elsewhere is counted by wait().
      if (sequence < highest[flow_of_last]) ++disorder;
      highest[flow_of_last] = std::max(highest[flow_of_last], sequence);
    }
  }
  wait(seconds(1));
  out += taken().size();
  EXPECT_EQ(out, came.size());
  EXPECT_EQ(receiver_->statistics().held_packets, 0U);
  EXPECT_LE(disorder, receiver_->statistics().late + receiver_->statistics().given_up);
  EXPECT_GT(receiver_->statistics().repaired, 50U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyOrder, testing::Range(1U, 6U));

}  // namespace
}  // namespace mpquic::tunnel
