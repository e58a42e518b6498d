#include <map>
#include <random>

#include "tunnel/queue_fixture.h"

namespace mpquic::tunnel {
namespace {

using namespace std::chrono_literals;

TEST_F(QueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue_->empty());
  EXPECT_FALSE(queue_->more());
  EXPECT_EQ(front(), std::nullopt);
}

TEST_F(QueueTest, KeepsTheOrderWithinAFlow) {
  push(1, 0);
  push(1, segment, super(3));
  push(1, 4 * segment, 100);
  EXPECT_EQ(drain(), (std::vector<Seen>{
                         {1, 0, full, {}},
                         {1, segment, full, {}},
                         {1, 2 * segment, full, {}},
                         {1, 3 * segment, full, {}},
                         {1, 4 * segment, 100, {}},
                     }));
}

TEST_F(QueueTest, CutsWhatIsLeftOfASuperPacketToThePathOfTheMoment) {
  push(1, 0, super(3));
  EXPECT_EQ(pop()->size, full);
  EXPECT_EQ(front(1000)->size, 1000U);
}

TEST_F(QueueTest, TellsWhetherAnotherPacketWaitsBehindTheFirst) {
  push(1, 0, super(2));
  front();
  EXPECT_TRUE(queue_->more());
  pop();
  front();
  EXPECT_FALSE(queue_->more());
  push(2, 0);
  EXPECT_TRUE(queue_->more());
  drain();
}

TEST_F(QueueTest, CountsTheFrontUntilItIsPopped) {
  push(1, 0, 500);
  EXPECT_EQ(queue_->bytes(), 500U);
  front();
  EXPECT_EQ(queue_->bytes(), 500U);
  EXPECT_FALSE(queue_->empty());
  queue_->pop();
  EXPECT_EQ(queue_->bytes(), 0U);
  EXPECT_TRUE(queue_->empty());
}

TEST_F(QueueTest, ShowsTheSameFrontUntilItIsPopped) {
  queue_.emplace(QueueLimits{.bytes = super(4)}, drops_);
  push(1, 0, super(3));
  const packet::Pieces* shown = queue_->front(full, now_);
  const Seen first = read(*shown);
  push(2, 0, 100);
  push(1, 3 * segment, super(20));  // over the limit: others must go
  now_ += 10s;                      // too late by far
  EXPECT_EQ(queue_->front(600, now_), shown);
  EXPECT_EQ(read(*shown), first);
  EXPECT_EQ(first, (Seen{1, 0, full, {}}));
  EXPECT_GT(drops_[Drop::queue_full], 0U);
  queue_->pop();
  EXPECT_NE(front(), first);
}

TEST_F(QueueTest, LetsASparseFlowOvertakeTheRestOfASuperPacket) {
  push(1, 0, super(45));
  for (int i = 0; i < 5; ++i) pop();
  push(2, 7, 100);
  EXPECT_EQ(pop(), (Seen{2, 7, 100, {}}));
  EXPECT_EQ(pop()->flow, 1);
}

TEST_F(QueueTest, DoesNotLetAFlowThatEmptiesAgainAndAgainPassForSparse) {
  push(1, 0, super(45));
  push(1, 45 * segment, super(45));
  std::vector<Seen> sent;
  for (std::uint32_t i = 0; i < 60; ++i) {
    if (front()->flow != 2) push(2, i);
    sent.push_back(*pop());
  }
  EXPECT_NEAR(static_cast<double>(bytes_of(sent, 1)), static_cast<double>(bytes_of(sent, 2)), 3 * 1514);
}

TEST_F(QueueTest, SharesByBytesWhateverThePacketsAreLike) {
  for (std::uint32_t i = 0; i < 10; ++i) push(1, i * 45 * segment, super(45));
  for (std::uint32_t i = 0; i < 450; ++i) push(2, i);
  for (std::uint32_t i = 0; i < 450; ++i) push(3, i, 300);
  std::vector<Seen> sent;
  for (int i = 0; i < 500; ++i) {
    sent.push_back(*pop());
    now_ += 10us;
  }
  const auto quanta = 3 * 1514.0;
  EXPECT_NEAR(static_cast<double>(bytes_of(sent, 1)), static_cast<double>(bytes_of(sent, 2)), quanta);
  EXPECT_NEAR(static_cast<double>(bytes_of(sent, 1)), static_cast<double>(bytes_of(sent, 3)), quanta);
  drain();
}

TEST_F(QueueTest, TakesWhatIsOverTheLimitFromTheHeadOfTheFattestFlow) {
  queue_.emplace(QueueLimits{.bytes = 20 * full + 1000}, drops_);
  push(1, 0, super(10));
  push(2, 0, 1000);
  push(3, 0, super(14));
  EXPECT_LE(queue_->bytes(), 20 * full + 1000);
  EXPECT_EQ(drops_[Drop::queue_full], 4U);

  const auto sent = drain();
  EXPECT_EQ(numbers_of(sent, 1).size(), 10U);
  EXPECT_EQ(numbers_of(sent, 2).size(), 1U);
  ASSERT_EQ(numbers_of(sent, 3).size(), 10U);
  EXPECT_EQ(numbers_of(sent, 3).front(), 4 * segment);
}

TEST_F(QueueTest, TakesASuperPacketOverItsWholeLimitPartly) {
  queue_.emplace(QueueLimits{.bytes = 10'000}, drops_);
  push(1, 0, super(45));
  EXPECT_LE(queue_->bytes(), 10'000U);
  EXPECT_GT(queue_->bytes(), 8'000U);
  EXPECT_EQ(numbers_of(drain(), 1).back(), 44 * segment);
}

TEST_F(QueueTest, EveryPacketIsSentOrCountedAsDroppedInOrder) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };

  queue_.emplace(QueueLimits{.bytes = 300'000}, drops_);
  std::uint64_t pushed = 0, popped = 0;
  std::map<std::uint16_t, std::uint32_t> next_number, least_expected;
  const auto check = [&](const Seen& packet) {
    ++popped;
    EXPECT_GE(packet.number, least_expected[packet.flow]) << "flow " << packet.flow << " out of order";
    least_expected[packet.flow] = packet.number + 1;
  };
  for (int step = 0; step < 20'000; ++step) {
    switch (below(6)) {
      case 0:
      case 1: {
        // Some of the 200 flows share a bucket, which nobody must notice.
        const auto flow = static_cast<std::uint16_t>(below(3) == 0 ? below(200) : below(4));
        const std::size_t packets = below(2) == 0 ? 1 : 1 + below(45);
        const std::size_t last = 1 + below(segment);
        push(flow, next_number[flow], super(packets - 1) + last, below(3) == 0 ? Ecn::capable : Ecn::not_capable);
        next_number[flow] += segment * static_cast<std::uint32_t>(packets);
        pushed += packets;
        break;
      }
      case 2: front(); break;
      case 3: now_ += below(20) * 1ms; break;
      default:
        for (std::uint32_t i = below(20); i > 0; --i) {
          if (const auto packet = pop()) check(*packet);
        }
    }
    ASSERT_EQ(queue_->empty(), queue_->bytes() == 0);
    ASSERT_LE(queue_->bytes(), 300'000U + 65'536U);
  }
  for (const Seen& packet : drain()) check(packet);
  EXPECT_EQ(pushed, popped + drops_[Drop::queue_full] + drops_[Drop::queue_delay]);
  EXPECT_GT(drops_[Drop::queue_full], 0U);
  EXPECT_GT(drops_[Drop::queue_delay], 0U);
}

}  // namespace
}  // namespace mpquic::tunnel
