#include "tunnel/receiver.h"

#include "tunnel/receiver_fixture.h"

namespace mpquic::tunnel {
namespace {

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

TEST_F(ReceiverTest, WhatNeedsNoOrderNeverWaits) {
  settle();
  for (const std::uint32_t sequence : {1005U, 1001U, 1009U, 1002U}) {
    receive(fast, {.flow = 0, .sequence = sequence, .ordered = false}, milliseconds(10));
  }
  // One that says so of itself is not held up by what its flow number says.
  receive(fast, {.flow = 3, .sequence = 1007, .ordered = false}, milliseconds(10));
  // Nor is there an order where there is no flow.
  receive(fast, {.flow = 0, .sequence = 1006, .ordered = true}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{1005, 1001, 1009, 1002, 1007, 1006}));
  EXPECT_EQ(receiver_->deadline(), never);
}

TEST_F(ReceiverTest, WhatIsTooOldToTellIsADuplicate) {
  const auto unordered = [&](std::uint32_t sequence) {
    receive(fast, {.flow = 0, .sequence = sequence, .ordered = false}, milliseconds(10));
  };
  unordered(5);
  unordered(70'000);
  taken();
  unordered(70'000 - 65'536);
  EXPECT_TRUE(taken().empty());
  unordered(70'000 - 65'535);
  EXPECT_EQ(taken(), (Sequences{70'000 - 65'535}));
  EXPECT_EQ(drops_[Drop::duplicate], 1U);
}

TEST_F(ReceiverTest, AWaitFollowsWhatRepairsTake) {
  settle();
  EXPECT_EQ(vain_wait(), ReceiverLimits{}.longest_wait) << "two and a half round trips of the slow one";
  for (int i = 0; i < 60; ++i) gap(milliseconds(12));
  EXPECT_EQ(receiver_->statistics().repaired, 60U);
  // A repair, the repair of a repair, and little more.
  const Duration learned = vain_wait();
  EXPECT_GE(learned, milliseconds(24));
  EXPECT_LE(learned, milliseconds(30));
  // They take longer now, and differ.
  for (int i = 0; i < 60; ++i) gap(i % 2 == 0 ? milliseconds(20) : milliseconds(30));
  EXPECT_GE(vain_wait(), milliseconds(60));
}

TEST_F(ReceiverTest, ThatRepairsTakeLongerThanTheWaitIsLearnedFromLateOnes) {
  settle();
  for (const PathId path : {fast, slow}) receiver_->follow_round_trip(path, milliseconds(4));
  for (int i = 0; i < 5; ++i) gap(milliseconds(50));
  EXPECT_GT(receiver_->statistics().late, 0U);
  const auto late = receiver_->statistics().late;
  for (int i = 0; i < 20; ++i) gap(milliseconds(50));
  EXPECT_EQ(receiver_->statistics().late, late);
}

TEST_F(ReceiverTest, WhereNoRepairComesNobodyWaitsForLong) {
  settle();
  for (int i = 0; i < 30; ++i) gap(milliseconds(0), false);
  // The slow path's packets are still waited for.
  const Duration hopeless = vain_wait();
  EXPECT_GE(hopeless, milliseconds(20));
  EXPECT_LE(hopeless, milliseconds(25));
  // Until repairs come again, though too late for some.
  for (int i = 0; i < 5; ++i) gap(milliseconds(60));
  EXPECT_GE(vain_wait(), milliseconds(60));
}

TEST_F(ReceiverTest, NobodyWaitsLongerForBeingOvertaken) {
  settle();
  receive(fast, {.sequence = 9}, milliseconds(10));
  wait(milliseconds(100));
  receive(fast, {.sequence = 7}, milliseconds(10));
  wait(milliseconds(40));
  receive(fast, {.sequence = 5}, milliseconds(10));
  receive(fast, {.sequence = 8}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
  wait(milliseconds(11));
  EXPECT_EQ(taken(), (Sequences{5, 7, 8, 9}));
}

TEST_F(ReceiverTest, WhatWasOnTheWayWhenItsTimerWasLateIsInTime) {
  settle();
  receive(fast, {.sequence = 1}, milliseconds(10));
  // Nobody had time for timers meanwhile.
  now_ += milliseconds(300);
  receive(slow, {.sequence = 0}, milliseconds(300));
  receiver_->on_deadline(now_, *this);
  EXPECT_EQ(taken(), (Sequences{0, 1}));
}

TEST_F(ReceiverTest, APathThatPausedForLongIsWaitedForAllTheSame) {
  settle();
  for (const PathId path : {fast, slow}) receiver_->follow_round_trip(path, Duration::zero());
  // More than half of what the sender's clock can tell.
  now_ += std::chrono::minutes(40);
  receive(slow, {0, unordered_++, false, false}, milliseconds(30));
  taken();
  receive(fast, {.sequence = 1}, milliseconds(10));
  wait(milliseconds(19));
  EXPECT_TRUE(taken().empty());
  wait(milliseconds(6));
  EXPECT_EQ(taken(), (Sequences{1}));
}

TEST_F(ReceiverTest, AFlowThatWasSilentIsAnotherOne) {
  for (std::uint32_t i = 0; i < 5; ++i) receive(fast, {.sequence = i}, milliseconds(10));
  now_ += seconds(9);
  receive(fast, {.sequence = 0}, milliseconds(10));
  receive(fast, {.sequence = 5}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0, 1, 2, 3, 4, 5}));
  now_ += seconds(11);
  for (std::uint32_t i = 0; i < 2; ++i) receive(fast, {.sequence = i}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0, 1}));
}

TEST_F(ReceiverTest, KnowsAsManyFlowsAsASenderHas) {
  const std::uint16_t most = ReceiverLimits{}.flows;
  for (const std::uint32_t sequence : {0U, 1U}) {
    for (std::uint16_t flow = 1; flow <= most; ++flow) receive(fast, {flow, sequence}, milliseconds(10));
  }
  EXPECT_EQ(taken().size(), 2U * most);
  for (std::uint16_t flow = 1; flow <= most; ++flow) receive(fast, {flow, 0, true}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
  // One more: the one that was silent longest goes, and what it held.
  receive(fast, {.flow = 1, .sequence = 3}, milliseconds(10));
  for (std::uint16_t flow = 2; flow <= most; ++flow) receive(fast, {flow, 2}, milliseconds(10));
  taken();
  receive(fast, {static_cast<std::uint16_t>(most + 1), 0}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{3, 0}));
  EXPECT_EQ(receiver_->statistics().held_packets, 0U);
}

TEST_F(ReceiverTest, CountsWhatAPathLost) {
  for (const std::uint32_t number : {7U, 8U, 11U, 10U}) {
    path_sequences_[fast] = number;
    receive(fast, {.flow = 0, .sequence = number, .copy = number == 8, .ordered = false}, milliseconds(10));
  }
  EXPECT_EQ(receiver_->statistics(fast).packets, 4U);
  EXPECT_EQ(receiver_->statistics(fast).copies, 1U);
  EXPECT_EQ(receiver_->statistics(fast).missing, 1U);
  // A probe has a number, too.
  std::vector<std::uint8_t> probe(8);
  store_be32(probe.data(), 14);
  receiver_->receive_probe(fast, probe, now_);
  EXPECT_EQ(receiver_->statistics(fast).missing, 3U);
  EXPECT_EQ(receiver_->statistics(slow).missing, 0U);
}

TEST_F(ReceiverTest, CountsOnWhenThePathsNumbersHaveGoneRound) {
  constexpr std::uint32_t step = 1 << 30;
  for (std::uint32_t i = 0; i < 9; ++i) {
    path_sequences_[fast] = i * step;
    receive(fast, {.flow = 0, .sequence = i, .ordered = false}, milliseconds(10));
  }
  EXPECT_EQ(receiver_->statistics(fast).missing, 8ULL * step + 1 - 9);
}

TEST_F(ReceiverTest, SaysHowMuchLongerAPathTakes) {
  settle();
  EXPECT_NEAR(std::chrono::duration<double>(receiver_->statistics(slow).delay).count(), 0.020, 0.0005);
  EXPECT_EQ(receiver_->statistics(fast).delay, Duration::zero());
}

}  // namespace
}  // namespace mpquic::tunnel
