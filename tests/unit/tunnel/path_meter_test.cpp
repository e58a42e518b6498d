#include "tunnel/path_meter.h"

#include <gtest/gtest.h>

namespace mpquic::tunnel {
namespace {

using namespace std::chrono_literals;

class PathMeterTest : public testing::Test {
 protected:
  static constexpr std::size_t size = 1000;
  static constexpr Duration round_trip = 40ms;

  /// So many packets at once, one after the other each `apart`; acknowledged a round trip later, as far apart.
  void pass(int count, Duration apart, bool starved) {
    const Instant begin = now_;
    for (int sent = 0, acknowledged = 0; acknowledged < count; now_ += apart) {
      if (sent < count) {
        meter_.sent(size, no_copy, now_);
        if (starved) meter_.starved();
        ++sent;
      }
      if (now_ < begin + round_trip) continue;
      meter_.acknowledged(++number_, now_);
      meter_.infer_losses([](CopyId) { FAIL(); }, now_);
      ++acknowledged;
    }
  }

  Instant now_ = Instant() + 1h;
  PathMeter meter_{round_trip, now_};
  std::uint64_t number_ = 0;
};

TEST_F(PathMeterTest, ShowsWhatItCarriesThoughItCouldCarryMore) {
  pass(200, 1ms, true);
  EXPECT_EQ(meter_.capacity(), 0) << "nobody knows";
  EXPECT_NEAR(meter_.shown(), 1e6, 0.05e6) << "so much at least";
  pass(200, 500us, true);
  EXPECT_NEAR(meter_.shown(), 2e6, 0.1e6);
}

TEST_F(PathMeterTest, NothingWaitsThatIsNoFasterThanThat) {
  EXPECT_EQ(meter_.backlog(now_), Duration::zero()) << "nothing is known";
  pass(200, 1ms, true);
  now_ += 1s;
  EXPECT_EQ(meter_.backlog(now_), Duration::zero());
  for (int i = 0; i < 20; ++i, now_ += 1ms) meter_.sent(size, no_copy, now_);
  EXPECT_LE(meter_.backlog(now_), 1ms);
}

TEST_F(PathMeterTest, WhatIsSentAtOnceWaitsAsLongAsItTakes) {
  pass(200, 1ms, true);
  now_ += 1s;
  for (int i = 0; i < 60; ++i) meter_.sent(size, no_copy, now_);
  // It may be a quarter more that the path can carry.
  EXPECT_GE(meter_.backlog(now_), 46ms);
  EXPECT_LE(meter_.backlog(now_), 50ms);
  EXPECT_GE(meter_.backlog(now_ + 10ms), 36ms);
  EXPECT_LE(meter_.backlog(now_ + 10ms), 40ms);
  EXPECT_EQ(meter_.backlog(now_ + 50ms), Duration::zero());
}

TEST_F(PathMeterTest, ThatIsKnownBetterOfAPathThatWasFull) {
  pass(2000, 1ms, false);
  ASSERT_TRUE(meter_.capacity_is_known(now_));
  EXPECT_NEAR(meter_.capacity(), 1e6, 0.05e6);
  now_ += 1s;
  for (int i = 0; i < 60; ++i) meter_.sent(size, no_copy, now_);
  EXPECT_GE(meter_.backlog(now_), 52ms);
  EXPECT_LE(meter_.backlog(now_), 58ms);
}

}  // namespace
}  // namespace mpquic::tunnel
