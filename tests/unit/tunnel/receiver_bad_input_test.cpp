// What a peer that lies, or has lost its wits, may do to a Receiver: little.
#include <random>

#include "tunnel/receiver_fixture.h"

namespace mpquic::tunnel {
namespace {

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

TEST_F(ReceiverTest, WhatIsTooLargeToBeHeldCostsItsOwnFlowOnly) {
  settle();
  receive(fast, {.flow = 2, .sequence = 5}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 2}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 4, .size = 4000}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{2, 4}));
  EXPECT_EQ(receiver_->statistics().held_packets, 1U);
  for (const std::uint32_t sequence : {3U, 1U, 4U, 0U})
    receive(fast, {.flow = 1, .sequence = sequence}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{3, 1, 0}));
  wait(milliseconds(200));
  EXPECT_EQ(taken(), (Sequences{5}));
}

TEST_F(ReceiverTest, WhenTooMuchIsHeldTheFullestFlowGivesUp) {
  receiver_.emplace(ReceiverLimits{.held_packets = 8}, pool_, drops_);
  for (const PathId path : {fast, slow}) receiver_->add_path(path);
  settle();
  for (std::uint32_t i = 1; i <= 3; ++i) receive(fast, {.flow = 1, .sequence = 100 + i}, milliseconds(10));
  for (std::uint32_t i = 1; i <= 5; ++i) receive(fast, {.flow = 2, .sequence = 200 + i}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
  receive(fast, {.flow = 1, .sequence = 105}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{201, 202, 203, 204, 205}));
  EXPECT_EQ(receiver_->statistics().held_packets, 4U);
  wait(milliseconds(200));
  EXPECT_EQ(taken(), (Sequences{101, 102, 103, 105}));
}

TEST_F(ReceiverTest, ASequenceThatJumpsMovesItsFlowAndNoOther) {
  settle();
  receive(fast, {.flow = 2, .sequence = 1}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 0}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 2}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 0x7ffffff0U}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0, 2, 0x7ffffff0U}));
  // Behind by half of all numbers, and by one more than can be told.
  receive(fast, {.flow = 1, .sequence = 0xfffffff1U}, milliseconds(10));
  receive(fast, {.flow = 1, .sequence = 0x7ffffff0U - 8192}, milliseconds(10));
  EXPECT_TRUE(taken().empty());
  EXPECT_EQ(drops_[Drop::duplicate], 2U);
  receive(fast, {.flow = 1, .sequence = 0x7ffffff1U}, milliseconds(10));
  receive(fast, {.flow = 2, .sequence = 0}, milliseconds(10));
  EXPECT_EQ(taken(), (Sequences{0x7ffffff1U, 0, 1}));
}

TEST_F(ReceiverTest, TimesThatLieAreBelievedNoLongerThanTheBound) {
  settle();
  for (const Duration lie : {Duration(std::chrono::minutes(30)), Duration(-std::chrono::minutes(30))}) {
    receive(slow, {0, unordered_++, false, false}, lie);
    taken();
    const Instant began = now_;
    receive(fast, {.sequence = next_ + 1}, milliseconds(10));
    while (taken().empty()) {
      now_ = receiver_->deadline();
      receiver_->on_deadline(now_, *this);
    }
    EXPECT_LE(now_ - began, ReceiverLimits{}.longest_wait);
    next_ += 2;
  }
  // And forgotten when they are true again.
  for (int i = 0; i < 2000; ++i) {
    now_ += milliseconds(1);
    for (const PathId path : {fast, slow}) {
      receive(path, {0, unordered_++, false, false}, path == fast ? milliseconds(10) : milliseconds(30));
    }
  }
  for (int i = 0; i < 30; ++i) gap(milliseconds(0), false);
  EXPECT_LE(vain_wait(), milliseconds(25));
}

}  // namespace
}  // namespace mpquic::tunnel
