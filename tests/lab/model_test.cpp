#include <algorithm>
#include <numeric>

#include "link.h"

namespace linkem {
namespace {

using Arrivals = std::vector<Link::Arrival>;

TEST(Model, DelaysByTheDelay) {
  Link link("delay=20ms");
  link.push();
  EXPECT_EQ(link.model.deadline(), Link::start + 20ms);
  EXPECT_TRUE(link.arrivals(19ms).empty());
  EXPECT_EQ(link.arrivals(1ms), (Arrivals{{0, 20ms}}));
  EXPECT_EQ(link.model.deadline(), mpquic::never);
}

TEST(Model, SpacesPacketsByTheRate) {
  Link link("delay=5ms,rate=8mbit");  // 1000 bytes take 1 ms
  link.push();
  link.push();
  EXPECT_EQ(link.arrivals(), (Arrivals{{0, 6ms}, {1, 7ms}}));
}

TEST(Model, AnIdleLinkSavesNoCapacity) {
  Link link("rate=8mbit");
  link.push();
  link.now += 10ms;
  link.push();
  link.push();
  EXPECT_EQ(link.arrivals(), (Arrivals{{0, 1ms}, {1, 11ms}, {2, 12ms}}));
}

TEST(Model, DropsTheTailOfAFullQueue) {
  Link link("rate=8mbit,queue=3000");
  for (int i = 0; i < 5; ++i) link.push();
  EXPECT_EQ(link.drops(Drop::queue), 2);
  EXPECT_EQ(link.model.backlog(), 3000);
  EXPECT_EQ(order(link.arrivals(1ms)), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(link.push(), 1) << "one has left, so there is room for one";
  EXPECT_EQ(link.push(), 0);
}

TEST(Model, QueueHoldsFiftyMillisecondsUnlessTold) {
  Link link("rate=80mbit");
  for (int i = 0; i < 600; ++i) link.push();
  EXPECT_EQ(link.model.backlog(), 500'000);
}

TEST(Model, AHigherRateAppliesToWhatIsQueued) {
  Link link("rate=8kbit,queue=1m");  // 1 s each
  for (int i = 0; i < 3; ++i) link.push();
  link.now += 10ms;
  link.set("rate=8mbit");
  EXPECT_EQ(link.arrivals(), (Arrivals{{0, 11ms}, {1, 12ms}, {2, 13ms}}));
}

TEST(Model, LosesItsShareAndNoMore) {
  Link link("loss=5%");
  link.push_every(1ms, 100'000);
  EXPECT_NEAR(static_cast<double>(link.drops(Drop::loss)), 5000, 300);
}

TEST(Model, BurstsHaveTheirMeanLengthAndShare) {
  Link link("gilbert=1%:25%");  // share 1 / 26, four packets a burst
  std::vector<bool> lost;
  for (int i = 0; i < 200'000; ++i) lost.push_back(link.push() == 0);
  const auto count = static_cast<double>(std::count(lost.begin(), lost.end(), true));
  double bursts = 0;
  for (std::size_t i = 1; i < lost.size(); ++i) bursts += lost[i] && !lost[i - 1] ? 1 : 0;
  EXPECT_NEAR(count / 200'000, 1.0 / 26, 0.004);
  EXPECT_NEAR(count / bursts, 4, 0.3);
  EXPECT_EQ(static_cast<double>(link.drops(Drop::burst)), count);
}

TEST(Model, JitterKeepsTheOrderUnlessFreed) {
  for (const bool keep : {true, false}) {
    Link link(keep ? "delay=20ms,jitter=10ms" : "delay=20ms,jitter=10ms,order=free");
    link.push_every(1ms, 500);
    const auto arrivals = link.arrivals();
    const auto packets = order(arrivals);
    EXPECT_EQ(arrivals.size(), 500);
    EXPECT_EQ(std::is_sorted(packets.begin(), packets.end()), keep);
    for (const auto& [packet, time] : arrivals) {
      const Duration delay = time - packet * 1ms;
      EXPECT_GE(delay, 10ms);
      EXPECT_LE(delay, 30ms);
    }
  }
}

TEST(Model, HeldJitterLastsForItsTime) {
  Link link("delay=20ms,jitter=10ms,jitter-hold=50ms,order=free");
  link.push_every(1ms, 150);
  std::vector<Duration> delays(150);
  for (const auto& [packet, time] : link.arrivals()) delays[packet] = time - packet * 1ms;
  const auto last = std::unique(delays.begin(), delays.end());
  EXPECT_EQ(last - delays.begin(), 3);
}

TEST(Model, ReorderedPacketsSkipQueueAndDelay) {
  Link link("delay=20ms,reorder=10%");
  link.push_every(1ms, 1000);
  unsigned early = 0;
  for (const auto& [packet, time] : link.arrivals()) early += time == packet * 1ms ? 1U : 0U;
  EXPECT_EQ(early, link.model.counters().reordered);
  EXPECT_NEAR(early, 100, 40);
}

TEST(Model, ReorderedPacketsComeLaterAndHoldUpNobody) {
  Link link("delay=20ms,reorder=10%,reorder-delay=7ms");
  link.push_every(1ms, 1000);
  for (const auto& [packet, time] : link.arrivals()) {
    const Duration delay = time - packet * 1ms;
    EXPECT_TRUE(delay == 20ms || delay == 27ms) << delay.count();
  }
  EXPECT_NEAR(static_cast<double>(link.model.counters().reordered), 100, 40);
}

TEST(Model, DuplicatesFollowTheirOriginal) {
  Link link("delay=1ms,duplicate=100%");
  EXPECT_EQ(link.push(), 2);
  EXPECT_EQ(link.arrivals(), (Arrivals{{0, 1ms}, {0, 1ms}}));
}

TEST(Model, LargeIpPacketsVanish) {
  Link link("mtu=1400");
  EXPECT_EQ(link.push(1414), 1);
  EXPECT_EQ(link.push(1415), 0);
  EXPECT_EQ(link.model.push({9, 1514, 0}, link.now), 1) << "not IP, not ours to judge";
  EXPECT_EQ(link.drops(Drop::mtu), 1);
}

TEST(Model, ACutGivesBackWhatWasUnderWay) {
  Link link("delay=5ms,rate=8mbit");
  for (int i = 0; i < 3; ++i) link.push();
  link.now += 2ms;
  EXPECT_TRUE(link.arrivals(0ms).empty());
  auto slots = link.model.cut();
  std::sort(slots.begin(), slots.end());
  EXPECT_EQ(slots, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(link.push(), 0);
  EXPECT_EQ(link.drops(Drop::cut), 4);
  link.model.heal();
  EXPECT_EQ(link.push(), 1);
  EXPECT_EQ(link.arrivals().size(), 1);
}

std::vector<bool> losses(std::string_view parameters, std::uint64_t seed, Duration gap) {
  Link link(parameters, seed);
  std::vector<bool> lost;
  for (int i = 0; i < 2000; ++i, link.now += gap) lost.push_back(link.push(100) == 0);
  return lost;
}

TEST(Model, OneSeedMakesTheSameDecisions) {
  const auto reference = losses("loss=10%,gilbert=1%:20%", 7, 1ms);
  EXPECT_EQ(losses("loss=10%,gilbert=1%:20%", 7, 1ms), reference);
  EXPECT_EQ(losses("loss=10%,gilbert=1%:20%", 7, 3us), reference) << "whatever the timing";
  EXPECT_EQ(losses("loss=10%,gilbert=1%:20%,jitter=3ms,duplicate=0,reorder=5%", 7, 1ms), reference)
      << "whatever else is asked for";
  EXPECT_NE(losses("loss=10%,gilbert=1%:20%", 8, 1ms), reference);
}

}  // namespace
}  // namespace linkem
