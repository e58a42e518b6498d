#include "sim/link.h"

#include <gtest/gtest.h>

#include <vector>

namespace mpquic::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t headers = 28;

/// A link, and what has come out of it, when.
class LinkTest : public testing::Test {
 protected:
  struct Arrival {
    std::uint8_t number;
    Duration at;
  };

  Link& link(const LinkSettings& settings, std::uint64_t seed = 1) {
    link_ = std::make_unique<Link>(
        events_, settings, seed, [this](Parcel parcel) { arrivals_.push_back({parcel.payload[0], now_ - Instant()}); });
    return *link_;
  }
  void send(std::size_t count, std::size_t size = 1000 - headers) {
    for (std::size_t i = 0; i < count; ++i) {
      Parcel parcel{std::vector<std::uint8_t>(size), {}, {}};
      parcel.payload[0] = static_cast<std::uint8_t>(sent_++);
      link_->send(std::move(parcel), now_);
    }
  }
  void run(Duration span) {
    const Instant end = now_ + span;
    while (events_.next() <= end) {
      now_ = events_.next();
      events_.run(now_);
    }
    now_ = end;
  }

  Events events_;
  Instant now_{};
  std::unique_ptr<Link> link_;
  std::vector<Arrival> arrivals_;
  std::size_t sent_ = 0;
};

TEST_F(LinkTest, ParcelsFollowOneAnotherAtTheRateAndTakeTheDelay) {
  link({.delay = 10ms, .rate = 8e6});  // a millisecond for each
  send(3);
  run(1s);
  ASSERT_EQ(arrivals_.size(), 3U);
  EXPECT_EQ(arrivals_[0].at, 11ms);
  EXPECT_EQ(arrivals_[1].at, 12ms);
  EXPECT_EQ(arrivals_[2].at, 13ms);
}

TEST_F(LinkTest, AFullQueueDropsWhatComesLast) {
  link({.delay = 10ms, .rate = 8e6, .queue = 5000});
  send(10);
  run(1s);
  // Five that wait, and the one that is on its way before them.
  EXPECT_EQ(arrivals_.size(), 6U);
  EXPECT_EQ(arrivals_.back().number, 5);
  EXPECT_EQ(link_->counts().dropped, 4U);
}

TEST_F(LinkTest, LosesItsShareOneByOneOrInBursts) {
  for (const double burst : {1.0, 4.0}) {
    SCOPED_TRACE(burst);
    arrivals_.clear();
    link({.loss = 0.1, .burst = burst});
    send(50'000);
    run(1s);
    EXPECT_NEAR(static_cast<double>(link_->counts().lost) / 50'000, 0.1, 0.01);
    std::size_t bursts = 0;
    for (std::size_t i = 1; i < arrivals_.size(); ++i) {
      bursts += static_cast<std::uint8_t>(arrivals_[i].number - arrivals_[i - 1].number) != 1 ? 1U : 0U;
    }
    const double length = static_cast<double>(link_->counts().lost) / static_cast<double>(bursts);
    EXPECT_NEAR(length, burst == 1 ? 1.11 : 4, 0.3) << "how many are lost at a time";
  }
}

TEST_F(LinkTest, JitterDoesNotReorder) {
  link({.delay = 10ms, .jitter = 20ms});
  for (int i = 0; i < 200; ++i) {
    send(1);
    run(1ms);
  }
  run(1s);
  ASSERT_EQ(arrivals_.size(), 200U);
  Duration longest{};
  for (std::size_t i = 0; i < arrivals_.size(); ++i) {
    EXPECT_EQ(arrivals_[i].number, i);
    longest = std::max(longest, arrivals_[i].at - std::chrono::milliseconds(i));
  }
  EXPECT_GT(longest, 25ms);
  EXPECT_LE(longest, 30ms);
}

TEST_F(LinkTest, SomeAreOvertakenAndSomeComeTwice) {
  link({.delay = 10ms, .reordering = 0.1, .overtaken = 5ms, .duplication = 0.2});
  for (int i = 0; i < 1000; ++i) {
    send(1);
    run(1ms);
  }
  run(1s);
  std::size_t overtaken = 0;
  for (std::size_t i = 1; i < arrivals_.size(); ++i) {
    overtaken += static_cast<std::int8_t>(arrivals_[i].number - arrivals_[i - 1].number) < 0 ? 1U : 0U;
  }
  EXPECT_NEAR(static_cast<double>(arrivals_.size()), 1200, 50);
  EXPECT_GT(overtaken, 50U);
  EXPECT_LT(overtaken, 150U);
}

TEST_F(LinkTest, WhenItIsCutWhatIsOnItsWayIsLostToo) {
  link({.delay = 10ms});
  send(1);
  run(5ms);
  link_->cut(true);
  send(1);
  run(10ms);
  link_->cut(false);
  send(1);
  run(1s);
  ASSERT_EQ(arrivals_.size(), 1U);
  EXPECT_EQ(arrivals_[0].number, 2);
  EXPECT_EQ(link_->counts().lost, 2U);
}

TEST_F(LinkTest, WhatIsTooLargeIsLost) {
  link({.delay = 1ms, .largest = 1400});
  send(1, 1400);
  send(1, 1401);
  run(1s);
  EXPECT_EQ(arrivals_.size(), 1U);
}

TEST_F(LinkTest, TheSeedDecides) {
  std::array<std::vector<std::uint8_t>, 3> seen;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    arrivals_.clear();
    sent_ = 0;
    link({.jitter = 1ms, .loss = 0.3, .reordering = 0.2, .overtaken = 3ms}, i == 2 ? 8 : 7);
    send(200);
    run(1s);
    for (const Arrival& arrival : arrivals_) seen[i].push_back(arrival.number);
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_NE(seen[0], seen[2]);
}

}  // namespace
}  // namespace mpquic::sim
