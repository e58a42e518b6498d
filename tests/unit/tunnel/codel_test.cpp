#include <algorithm>
#include <deque>
#include <map>

#include "tunnel/queue_fixture.h"

namespace mpquic::tunnel {
namespace {

using namespace std::chrono_literals;

TEST_F(QueueTest, LetsABurstThroughThatDrainsWithinTheInterval) {
  for (std::uint32_t i = 0; i < 4; ++i) push(1, i * 45 * segment, super(45));
  EXPECT_EQ(drain(500us).size(), 180U);
  EXPECT_EQ(drops_[Drop::queue_delay], 0U);
}

TEST_F(QueueTest, DropsSinglePacketsOutOfASuperPacketThatStandsTooLong) {
  push(1, 0, super(45));
  const auto sent = drain(4ms);  // 180 ms for all: over the target for an interval, then once every 100, 71 ...
  const std::uint64_t dropped = drops_[Drop::queue_delay];
  EXPECT_EQ(sent.size() + dropped, 45U);
  EXPECT_GE(dropped, 1U);
  EXPECT_LE(dropped, 3U);
  EXPECT_EQ(sent.back().number, 44 * segment);
}

TEST_F(QueueTest, GivesALongPathTheTimeOfItsRoundTrip) {
  queue_->follow_round_trip(500ms);
  push(1, 0, super(45));
  EXPECT_EQ(drain(4ms).size(), 45U) << "180 ms are less than the interval, which is now a second";
  queue_->follow_round_trip(1ms);
  push(1, 45 * segment, super(45));
  drain(4ms);
  EXPECT_GE(drops_[Drop::queue_delay], 1U) << "a short path has the interval that was configured";
}

TEST_F(QueueTest, WhatHasToWaitForAMomentOnPurposeIsNoCongestion) {
  const auto wait = [&](Duration span) {
    for (const Instant end = now_ + span; now_ < end; now_ += 2ms) pop();
  };
  for (std::uint32_t i = 0; i < 10; ++i) push(1, i * 45 * segment, super(45));
  wait(90ms);
  queue_->pause_codel(true);
  wait(300ms);
  EXPECT_EQ(drops_[Drop::queue_delay], 0U);
  queue_->pause_codel(false);
  wait(90ms);
  EXPECT_EQ(drops_[Drop::queue_delay], 0U) << "a whole interval is to be seen afterwards";
  wait(30ms);
  EXPECT_EQ(drops_[Drop::queue_delay], 1U);
  queue_->pause_codel(true);
  wait(300ms);
  EXPECT_EQ(drops_[Drop::queue_delay], 1U) << "not the second, either";
}

TEST_F(QueueTest, DropsFasterAndFasterFromAFlowThatDoesNotListen) {
  const auto dropped_within = [this](Duration span) {
    const auto before = drops_[Drop::queue_delay];
    for (const Instant end = now_ + span; now_ < end; now_ += 1ms) pop();
    return drops_[Drop::queue_delay] - before;
  };
  for (std::uint32_t i = 0; i < 45; ++i) push(1, i * 45 * segment, super(45));
  const auto first = dropped_within(500ms);
  const auto second = dropped_within(500ms);
  const auto third = dropped_within(500ms);
  EXPECT_GT(first, 0U);
  EXPECT_GT(second, first);
  EXPECT_GT(third, second);
}

TEST_F(QueueTest, KeepsTheLastPacketOfAFlowHoweverLateItIs) {
  push(1, 0);
  push(1, 1);
  now_ += 1s;
  EXPECT_EQ(pop()->number, 0U);
  now_ += 1s;
  EXPECT_EQ(pop()->number, 1U);
  EXPECT_EQ(drops_[Drop::queue_delay], 0U);
}

TEST_F(QueueTest, GivesEverythingToACallerWithoutAClockOrALimit) {
  push(1, 0, super(45));
  push(1, 45 * segment, super(45));
  now_ += 10s;
  std::size_t given = 0;
  for (; queue_->front(SIZE_MAX, Instant::min()) != nullptr; queue_->pop()) ++given;
  EXPECT_EQ(given, 90U);
}

TEST_F(QueueTest, MarksInsteadOfDroppingWhatIsEcnCapable) {
  push(1, 0, super(45), Ecn::capable);
  push(1, 45 * segment, super(45), Ecn::capable);
  const auto sent = drain(4ms);
  EXPECT_EQ(drops_[Drop::queue_delay], 0U);
  ASSERT_EQ(sent.size(), 90U);
  const auto first_marked = std::ranges::find(sent, Ecn::congested, &Seen::ecn);
  ASSERT_NE(first_marked, sent.end());
  EXPECT_NEAR(static_cast<double>(first_marked - sent.begin()), 105 / 4.0, 2);
  EXPECT_EQ(
      std::count_if(first_marked, sent.begin() + 45, [](const Seen& packet) { return packet.ecn != Ecn::congested; }),
      0)
      << "of one super-packet, all that follows is marked";
  EXPECT_EQ(sent[45].ecn, Ecn::capable) << "the next one waits for CoDel's next word";
}

/// A sender that halves its window once per round trip that loses or gets marked a packet, and otherwise adds one.
class AimdSender {
 public:
  bool may_send() const { return next_ - acknowledged_ < static_cast<std::uint32_t>(window_); }
  std::uint32_t send() { return next_++; }
  void on_acknowledged(const Seen& packet) {
    const bool lost = packet.number != acknowledged_;
    acknowledged_ = packet.number + 1;
    if ((lost || packet.ecn == Ecn::congested) && packet.number >= halved_at_) {
      window_ = std::max(window_ / 2, 2.0);
      halved_at_ = next_;
    } else {
      window_ += 1 / window_;
    }
  }

 private:
  double window_ = 10;
  std::uint32_t next_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::uint32_t halved_at_ = 0;
};

struct Outcome {
  double utilisation = 0;
  Duration mean_wait{};
};

class AimdTest : public QueueTest {
 protected:
  /// One sender over 10 Mbit/s with a round trip of 40 ms (and the queue), for 30 s after 10 s to settle.
  Outcome run(Ecn ecn) {
    constexpr Duration slot = 1120us;  // 1400 bytes
    AimdSender sender;
    std::deque<std::pair<Instant, Seen>> acknowledgements;
    std::map<std::uint32_t, Instant> sent_at;
    std::uint64_t carried = 0, slots = 0;
    Duration waited{};
    const Instant settled = now_ + 10s;
    for (const Instant end = settled + 30s; now_ < end; now_ += slot) {
      for (; !acknowledgements.empty() && acknowledgements.front().first <= now_; acknowledgements.pop_front()) {
        sender.on_acknowledged(acknowledgements.front().second);
      }
      while (sender.may_send()) {
        const auto number = sender.send();
        sent_at[number] = now_;
        push(1, number, full, ecn);
      }
      const auto packet = pop();
      if (packet) acknowledgements.emplace_back(now_ + 40ms, *packet);
      if (now_ < settled) continue;
      ++slots;
      if (!packet) continue;
      ++carried;
      waited += now_ - sent_at[packet->number];
    }
    return {static_cast<double>(carried) / static_cast<double>(slots), waited / carried};
  }
};

TEST_F(AimdTest, AByteLimitAloneLetsTheDelayGrow) {
  queue_.emplace(QueueLimits{.bytes = 500'000, .target = 1h}, drops_);
  const Outcome outcome = run(Ecn::not_capable);
  EXPECT_GT(outcome.mean_wait, 150ms);
}

TEST_F(AimdTest, CodelKeepsTheDelayNearItsTargetAndTheLinkBusy) {
  for (const Ecn ecn : {Ecn::not_capable, Ecn::capable}) {
    queue_.emplace(QueueLimits{}, drops_);
    const Outcome outcome = run(ecn);
    SCOPED_TRACE(testing::Message() << "ecn " << static_cast<int>(ecn) << ", wait " << outcome.mean_wait.count() / 1000
                                    << " us, utilisation " << outcome.utilisation);
    EXPECT_LT(outcome.mean_wait, 10ms);
    EXPECT_GT(outcome.utilisation, 0.8);  // one Reno-like flow with next to no buffer can't have more than 0.9
    EXPECT_EQ(drops_[Drop::queue_full], 0U);
  }
}

}  // namespace
}  // namespace mpquic::tunnel
