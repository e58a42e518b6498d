#include "base/timers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace mpquic {
namespace {

using namespace std::chrono_literals;

/// Timers that write their names down when they are called.
class TimersTest : public testing::Test {
 protected:
  std::unique_ptr<Timer> timer(char name) {
    return std::make_unique<Timer>([this, name] { called_ += name; });
  }
  std::string run(Instant now) {
    called_.clear();
    timers_.run(now);
    return called_;
  }

  const Instant start_ = Instant() + 1h;
  std::string called_;
  Timers timers_;
};

TEST_F(TimersTest, HaveNothingToDoAtFirst) {
  EXPECT_EQ(timers_.next(), never);
  EXPECT_EQ(run(start_), "");
}

TEST_F(TimersTest, AreCalledOnceWhenDueAndNotBefore) {
  const auto a = timer('a');
  timers_.set(*a, start_ + 5ms);
  EXPECT_EQ(timers_.next(), start_ + 5ms);
  EXPECT_EQ(run(start_ + 5ms - 1ns), "");
  EXPECT_EQ(run(start_ + 5ms), "a");
  EXPECT_EQ(timers_.next(), never);
  EXPECT_EQ(run(start_ + 1h), "");
}

TEST_F(TimersTest, AreCalledInTheOrderInWhichTheyAreDue) {
  const auto a = timer('a'), b = timer('b'), c = timer('c'), d = timer('d');
  timers_.set(*c, start_ + 3ms);
  timers_.set(*a, start_ + 1ms);
  timers_.set(*d, start_ + 4ms);
  timers_.set(*b, start_ + 2ms);
  EXPECT_EQ(run(start_ + 3ms), "abc");
  EXPECT_EQ(timers_.next(), start_ + 4ms);
}

TEST_F(TimersTest, CanBeMovedBothWaysAndTakenOut) {
  const auto a = timer('a'), b = timer('b'), c = timer('c');
  timers_.set(*a, start_ + 1ms);
  timers_.set(*b, start_ + 2ms);
  timers_.set(*c, start_ + 3ms);
  timers_.set(*a, start_ + 4ms);
  timers_.set(*c, start_);
  EXPECT_EQ(timers_.next(), start_);
  timers_.set(*b, never);
  EXPECT_EQ(run(start_ + 1h), "ca");
}

TEST_F(TimersTest, TakingOutWhatIsNotInDoesNothing) {
  const auto a = timer('a');
  timers_.set(*a, never);
  EXPECT_EQ(timers_.next(), never);
}

TEST_F(TimersTest, SettingItselfForAnInstantThatHasPassedIsForTheNextRun) {
  int calls = 0;
  Timer again([&] {
    ++calls;
    timers_.set(again, start_ - 1s);
  });
  timers_.set(again, start_);
  timers_.run(start_);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(timers_.next(), start_ - 1s);
  timers_.run(start_);
  EXPECT_EQ(calls, 2);
}

TEST_F(TimersTest, LeaveByThemselvesWhenTheyAreDestroyed) {
  const auto a = timer('a');
  auto b = timer('b');
  timers_.set(*a, start_ + 1ms);
  timers_.set(*b, start_);
  b.reset();
  EXPECT_EQ(timers_.next(), start_ + 1ms);
  EXPECT_EQ(run(start_ + 1ms), "a");
}

TEST_F(TimersTest, MayBeDestroyedByOneThatIsDueBeforeThem) {
  auto victim = timer('v');
  Timer murderer([&] { victim.reset(); });
  timers_.set(murderer, start_);
  timers_.set(*victim, start_ + 1ms);
  EXPECT_EQ(run(start_ + 1ms), "");
}

TEST_F(TimersTest, AreNotCalledWhenOneDueBeforeThemTakesThemOutOrPutsThemOff) {
  const auto out = timer('x'), later = timer('l');
  Timer first([&] {
    timers_.set(*out, never);
    timers_.set(*later, start_ + 1s);
  });
  timers_.set(first, start_);
  timers_.set(*out, start_ + 1ms);
  timers_.set(*later, start_ + 1ms);
  EXPECT_EQ(run(start_ + 1ms), "");
  EXPECT_EQ(timers_.next(), start_ + 1s);
  EXPECT_EQ(run(start_ + 1s), "l");
}

TEST_F(TimersTest, KeepOrderThroughAThousandChanges) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  struct Watched {
    Timers& timers;
    std::vector<Instant>& calls;
    Instant due = never;
    Timer timer{[this] { calls.push_back(due), due = never; }};
  };
  std::vector<Instant> calls;
  std::vector<std::unique_ptr<Watched>> watched;
  for (int i = 0; i < 100; ++i) watched.push_back(std::make_unique<Watched>(timers_, calls));
  Instant now = start_;
  for (int step = 0; step < 1000; ++step) {
    Watched& one = *watched[random() % watched.size()];
    one.due = random() % 5 == 0 ? never : now + std::chrono::milliseconds(random() % 50);
    timers_.set(one.timer, one.due);
    if (random() % 20 == 0) watched[random() % watched.size()] = std::make_unique<Watched>(timers_, calls);
    const auto first = (*std::ranges::min_element(watched, {}, [](const auto& each) { return each->due; }))->due;
    ASSERT_EQ(timers_.next(), first);
    if (step % 10 != 0) continue;
    now += 3ms;
    calls.clear();
    timers_.run(now);
    EXPECT_TRUE(std::ranges::is_sorted(calls));
    EXPECT_TRUE(std::ranges::all_of(calls, [now](Instant due) { return due <= now; }));
    EXPECT_TRUE(std::ranges::all_of(watched, [now](const auto& each) { return each->due > now; }));
  }
}

}  // namespace
}  // namespace mpquic
