#include "daemon/redial.h"

#include <gtest/gtest.h>

#include <vector>

namespace mpquic::daemon {
namespace {

using namespace std::chrono_literals;

const Instant start = Instant() + 1h;

/// Every `took` a try fails; when the next ones begin, counted from the one before.
std::vector<Duration> waits(Redial& redial, double jitter, Duration took, int tries) {
  std::vector<Duration> result;
  Instant tried = start;
  for (int i = 0; i < tries; ++i) {
    const Instant next = redial.next(tried, jitter, tried + took);
    result.push_back(next - tried);
    tried = next;
  }
  return result;
}

TEST(RedialTest, TriesAtOnceAndThenEverLater) {
  Redial redial;
  EXPECT_EQ(waits(redial, 0.5, 0s, 9),
            (std::vector<Duration>{0ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 4s, 4s}));
}

TEST(RedialTest, JitterSpreadsBoxesByAQuarterUpAndDown) {
  Redial early, late;
  EXPECT_EQ(waits(early, 0, 0s, 3), (std::vector<Duration>{0ms, 75ms, 150ms}));
  EXPECT_EQ(waits(late, 1, 0s, 3), (std::vector<Duration>{0ms, 125ms, 250ms}));
}

TEST(RedialTest, NeverWaitsMoreThanFiveSecondsFromTryToTry) {
  Redial redial;
  for (const Duration wait : waits(redial, 1, 0s, 50)) EXPECT_LE(wait, 5s);
}

TEST(RedialTest, CountsFromWhenATryBeganSoThatSlowFailuresCostNoMore) {
  Redial redial;
  for (const Duration wait : waits(redial, 1, 5s, 50)) EXPECT_EQ(wait, 5s);
}

TEST(RedialTest, StartsOverWhenAConnectionStoodForAWhile) {
  Redial redial;
  waits(redial, 0.5, 0s, 5);
  redial.stood(Redial::stable_after);
  EXPECT_EQ(waits(redial, 0.5, 0s, 3), (std::vector<Duration>{0ms, 100ms, 200ms}));
}

TEST(RedialTest, AConnectionThatFallsAtOnceIsNoReasonToHurry) {
  Redial redial;
  waits(redial, 0.5, 0s, 5);
  redial.stood(Redial::stable_after - 1ms);
  EXPECT_EQ(waits(redial, 0.5, 0s, 1), std::vector<Duration>{1600ms});
}

TEST(RedialTest, StartsOverOnANewWay) {
  Redial redial;
  waits(redial, 0.5, 0s, 5);
  redial.start_over();
  EXPECT_EQ(waits(redial, 0.5, 0s, 1), std::vector<Duration>{0ms});
}

}  // namespace
}  // namespace mpquic::daemon
