#include "io/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <string>

namespace mpquic::io {
namespace {

using namespace std::chrono_literals;
using enum EventLoop::Interest;

/// A descriptor that is readable while it has been rung; always writable.
class Bell {
 public:
  void ring() {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(fd_.get(), &one, sizeof one), ssize_t{sizeof one});
  }
  void silence() {
    std::uint64_t count = 0;
    ASSERT_EQ(::read(fd_.get(), &count, sizeof count), ssize_t{sizeof count});
  }
  int fd() const { return fd_.get(); }

 private:
  Fd fd_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

class EventLoopTest : public testing::Test {
 protected:
  /// Writes `name` down each time the bell calls.
  void watch(const Bell& bell, char name, EventLoop::Interest interest = read) {
    ASSERT_TRUE(loop_.watch(bell.fd(), interest, [this, name] { called_ += name; }));
  }
  /// A turn that waits for nothing.
  std::string turn() {
    called_.clear();
    loop_.turn(Instant());
    return called_;
  }

  EventLoop loop_ = EventLoop::create().value();
  std::string called_;
  Bell a_, b_;
};

TEST_F(EventLoopTest, CallsWhoIsReadyAndNobodyElse) {
  watch(a_, 'a');
  watch(b_, 'b');
  EXPECT_EQ(turn(), "");
  a_.ring();
  EXPECT_EQ(turn(), "a");
}

TEST_F(EventLoopTest, CallsInEachTurnInWhichADescriptorIsReady) {
  watch(a_, 'a');
  a_.ring();
  EXPECT_EQ(turn(), "a");
  EXPECT_EQ(turn(), "a") << "nobody has read it";
  a_.silence();
  EXPECT_EQ(turn(), "");
}

TEST_F(EventLoopTest, FollowsAChangeOfInterest) {
  watch(a_, 'a', none);
  a_.ring();
  EXPECT_EQ(turn(), "");
  loop_.change(a_.fd(), read);
  EXPECT_EQ(turn(), "a");
  a_.silence();
  EXPECT_EQ(turn(), "");
  loop_.change(a_.fd(), write);
  EXPECT_EQ(turn(), "a");
  loop_.change(a_.fd(), read_write);
  EXPECT_EQ(turn(), "a");
  loop_.change(a_.fd(), none);
  EXPECT_EQ(turn(), "");
}

TEST_F(EventLoopTest, ChangingOrForgettingWhatIsNotWatchedDoesNothing) {
  loop_.change(a_.fd(), read);
  loop_.forget(a_.fd());
  a_.ring();
  EXPECT_EQ(turn(), "");
}

TEST_F(EventLoopTest, RefusesADescriptorThatIsWatchedAlreadyOrCannotBe) {
  watch(a_, 'a');
  EXPECT_FALSE(loop_.watch(a_.fd(), read, [] {}));
  EXPECT_FALSE(loop_.watch(-1, read, [] {}));
  a_.ring();
  EXPECT_EQ(turn(), "a");
}

TEST_F(EventLoopTest, AHandlerMayForgetItself) {
  auto owned = std::make_unique<std::string>("a");
  ASSERT_TRUE(loop_.watch(a_.fd(), read, [&, inside = std::move(*owned)] {
    loop_.forget(a_.fd());
    called_ += inside;  // what the handler holds lives until it returns
  }));
  a_.ring();
  EXPECT_EQ(turn(), "a");
  EXPECT_EQ(turn(), "");
}

TEST_F(EventLoopTest, AHandlerMayForgetAnotherThatIsReadyToo) {
  ASSERT_TRUE(loop_.watch(a_.fd(), read, [this] { called_ += 'a', loop_.forget(b_.fd()); }));
  ASSERT_TRUE(loop_.watch(b_.fd(), read, [this] { called_ += 'b', loop_.forget(a_.fd()); }));
  a_.ring();
  b_.ring();
  EXPECT_EQ(turn().size(), 1U) << "whichever came first";
}

TEST_F(EventLoopTest, AHandlerMayWatchAnotherDescriptor) {
  ASSERT_TRUE(loop_.watch(a_.fd(), read, [this] {
    a_.silence();
    watch(b_, 'b');
  }));
  a_.ring();
  b_.ring();
  EXPECT_EQ(turn(), "");
  EXPECT_EQ(turn(), "b");
}

TEST_F(EventLoopTest, AHandlerMayPutAnotherInItsOwnPlace) {
  ASSERT_TRUE(loop_.watch(a_.fd(), read, [this] {
    loop_.forget(a_.fd());
    watch(a_, 'n');
  }));
  a_.ring();
  EXPECT_EQ(turn(), "");
  EXPECT_EQ(turn(), "n");
}

TEST_F(EventLoopTest, WaitsUntilItsDeadlineAndNotLess) {
  const Instant deadline = loop_.refresh() + 20ms;
  EXPECT_EQ(loop_.turn(deadline), 0U);
  EXPECT_GE(loop_.now(), deadline);
}

TEST_F(EventLoopTest, WakesBeforeItsDeadlineWhenADescriptorIsReady) {
  watch(a_, 'a');
  a_.ring();
  EXPECT_EQ(loop_.turn(loop_.refresh() + 1h), 1U);
  EXPECT_EQ(loop_.turn(never), 1U);
  EXPECT_EQ(called_, "aa");
}

TEST_F(EventLoopTest, TimeStandsStillWithinATurn) {
  const Instant before = loop_.now();
  Instant first, second;
  ASSERT_TRUE(loop_.watch(a_.fd(), read, [&] {
    first = loop_.now();
    ::usleep(2000);
    second = loop_.now();
  }));
  a_.ring();
  turn();
  EXPECT_GE(first, before);
  EXPECT_EQ(first, second);
  EXPECT_GE(loop_.refresh(), first + 2ms);
}

}  // namespace
}  // namespace mpquic::io
