// The simulator finds nothing if this does not complain.
#include "sim/watch.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace mpquic::sim {
namespace {

using namespace std::chrono_literals;

class WatchTest : public testing::Test {
 protected:
  using Packet = std::array<std::uint8_t, 40>;

  Packet enter(std::uint32_t flow = 1, bool in_order = true) {
    Packet packet{};
    watch_.enter(packet, flow, in_order, now_);
    return packet;
  }
  void pass(const Packet& packet) {
    watch_.arrive(packet, now_);
    watch_.leave(packet, now_);
  }

  std::vector<std::string> complaints_;
  Watch watch_{[this](const std::string& what) { complaints_.push_back(what); }};
  Instant now_{};
};

TEST_F(WatchTest, WhatPassesOnceIsFine) {
  const Packet first = enter(), second = enter();
  pass(first);
  pass(second);
  EXPECT_EQ(complaints_, std::vector<std::string>());
  EXPECT_EQ(watch_.entered(), 2U);
  EXPECT_EQ(watch_.arrived(), 2U);
  EXPECT_EQ(watch_.left(), 2U);
  EXPECT_EQ(watch_.overtaken(), 0U);
}

TEST_F(WatchTest, ComplainsOfADuplicate) {
  const Packet packet = enter();
  pass(packet);
  pass(packet);
  EXPECT_EQ(complaints_, std::vector<std::string>{"packet 0 was delivered twice"});
  EXPECT_EQ(watch_.arrived(), 1U);
}

TEST_F(WatchTest, ComplainsOfWhatWasNeverSent) {
  enter();
  Packet forged{};
  forged.back() = 1;
  watch_.leave(forged, now_);
  EXPECT_EQ(complaints_, std::vector<std::string>{"a packet of 40 bytes came that was never sent"});
}

TEST_F(WatchTest, ComplainsOfWhatIsHeldTooLong) {
  const Packet packet = enter();
  watch_.arrive(packet, now_);
  now_ += Watch::longest_hold + 1ms;
  watch_.leave(packet, now_);
  ASSERT_EQ(complaints_.size(), 1U);
  EXPECT_EQ(complaints_[0], "packet 0 was held for 156.0 ms");
  EXPECT_EQ(watch_.longest_held(), Watch::longest_hold + 1ms);
}

TEST_F(WatchTest, ExpectsDuplicatesOfWhoLiesAndNoForgeries) {
  watch_.expect_lies();
  const Packet packet = enter();
  pass(packet);
  now_ += Watch::longest_hold + 1ms;
  pass(packet);
  EXPECT_EQ(complaints_, std::vector<std::string>());
  Packet forged{};
  forged.back() = 7;
  watch_.leave(forged, now_);
  EXPECT_EQ(complaints_.size(), 1U);
}

TEST_F(WatchTest, CountsWhatIsOvertakenInItsOwnFlow) {
  const Packet first = enter(1), other = enter(2), second = enter(1), loose = enter(3, false), last = enter(3, false);
  pass(second);
  pass(other);
  EXPECT_EQ(watch_.overtaken(), 0U);
  pass(first);
  EXPECT_EQ(watch_.overtaken(), 1U);
  pass(last);
  pass(loose);
  EXPECT_EQ(watch_.overtaken(), 1U) << "that flow needs no order";
}

TEST_F(WatchTest, TheDigestKnowsOrderAndTime) {
  const auto digest = [](bool turned, Duration later) {
    Watch watch([](const std::string&) {});
    Packet first{}, second{};
    watch.enter(first, 1, true, Instant());
    watch.enter(second, 1, true, Instant());
    for (const Packet* packet : {turned ? &second : &first, turned ? &first : &second}) {
      watch.arrive(*packet, Instant() + later);
      watch.leave(*packet, Instant() + later);
    }
    return watch.digest();
  };
  EXPECT_EQ(digest(false, 1ms), digest(false, 1ms));
  EXPECT_NE(digest(false, 1ms), digest(true, 1ms));
  EXPECT_NE(digest(false, 1ms), digest(false, 2ms));
}

}  // namespace
}  // namespace mpquic::sim
