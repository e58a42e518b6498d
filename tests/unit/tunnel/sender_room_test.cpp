// Paths that do not carry packets of the same size: path MTU discovery takes its time, and ends where it ends.
#include "tunnel/sender_fixture.h"

namespace mpquic::tunnel {
namespace {

constexpr std::size_t before = 2 + sequence_header_size;

class NarrowAndWide : public SenderTest, public testing::WithParamInterface<Policy> {
 protected:
  void begin(Policy policy, const PathTraits& traits_of_wide = {}) {
    start(policy);
    session_.open(now_);
    narrow_ = add(milliseconds(20));
    wide_ = add(milliseconds(60), traits_of_wide);
    settle({narrow_, wide_});
    largest_[narrow_] = 800;
  }
  std::vector<std::size_t> refused() { return std::exchange(listener_.refused, {}); }

  PathId narrow_ = 0, wide_ = 0;
};

TEST_P(NarrowAndWide, APacketWaitsForThePathThatHasRoomForIt) {
  begin(GetParam());
  push_many(1, 0, 5);
  push_many(2, 0, 5, false);
  EXPECT_TRUE(take_all(narrow_).empty());
  const auto given = take_all(wide_);
  EXPECT_EQ(given.size(), 10U);
  acknowledge(wide_, given);
}

TEST_P(NarrowAndWide, APathThatHasRoomIsTakenWhateverElseSpeaksAgainstIt) {
  begin(GetParam(), {.priority = 2, .metered = true});
  push_many(1, 0, 5);
  EXPECT_TRUE(take_all(narrow_).empty());
  EXPECT_EQ(take_all(wide_).size(), 5U);
}

TEST_P(NarrowAndWide, AnotherSizeIsAnotherChoice) {
  begin(GetParam(), {.priority = 2});
  push_many(1, 0, 5);
  EXPECT_TRUE(take_all(narrow_).empty());
  EXPECT_EQ(take_all(wide_).size(), 5U);
  largest_[narrow_] = 1400;
  push_many(2, 0, 5);
  for (const PathId path : {narrow_, wide_}) {
    auto given = take_all(path);
    std::erase_if(given, [](const Given& each) { return each.copy; });
    EXPECT_EQ(given.size(), path == narrow_ ? 5U : 0U) << "the narrow one has found out that it carries more";
  }
}

TEST_P(NarrowAndWide, WhatFitsNoneIsRefusedWithWhatFitsOne) {
  begin(GetParam());
  largest_[wide_] = 900;
  EXPECT_TRUE(take_all(narrow_).empty() && take_all(wide_).empty());
  push_many(1, 0, 3);
  EXPECT_TRUE(take_all(narrow_).empty() && take_all(wide_).empty());
  EXPECT_EQ(refused(), std::vector<std::size_t>(3, 900 - before));
  EXPECT_EQ(session_.queued_bytes(), 0U);
}

TEST_P(NarrowAndWide, WhatNeededMoreRoomThanThereIsNowTakesWhatThereIs) {
  begin(GetParam());
  push(1, 0);
  EXPECT_TRUE(take_all(narrow_).empty());
  EXPECT_EQ(take_all(wide_).size(), 1U);
  largest_[wide_] = 900;
  EXPECT_TRUE(take_all(wide_).empty());
  push(1, 1, true, 850);
  EXPECT_TRUE(take_all(narrow_).empty());
  EXPECT_EQ(take_all(wide_).size(), 1U);
}

TEST_P(NarrowAndWide, OneThatDoesNotWorkHasNoRoom) {
  begin(GetParam());
  take_all(wide_);
  sender_->down(wide_, now_);
  push_many(1, 0, 3);
  EXPECT_TRUE(take_all(narrow_).empty());
  EXPECT_EQ(refused(), std::vector<std::size_t>(3, 800 - before));
}

INSTANTIATE_TEST_SUITE_P(Policies, NarrowAndWide,
                         testing::Values(Policy::failover, Policy::balanced, Policy::bonded, Policy::redundant));

TEST_F(NarrowAndWide, ALargeFlowIsSpreadOverThoseThatHaveRoom) {
  begin(Policy::bonded);
  const PathId other = add(milliseconds(80));
  settle({wide_, other});
  Carrier narrow{narrow_, 10}, first{wide_, 10}, second{other, 10};
  carry({&narrow, &first, &second}, 1, 100, 2000, seconds(2));
  EXPECT_TRUE(narrow.carried.empty());
  EXPECT_GT(first.carried.size(), 15'000U);
  EXPECT_GT(second.carried.size(), 10'000U);
}

TEST_F(NarrowAndWide, WhatIsOwedGoesWhereThereIsRoom) {
  begin(Policy::failover, {.priority = 2});
  const PathId other = add(milliseconds(80), {.priority = 3});
  settle({other});
  push_many(1, 0, 5);
  EXPECT_TRUE(take_all(narrow_).empty());
  ASSERT_EQ(take_all(wide_).size(), 5U);
  sender_->down(wide_, now_);
  EXPECT_TRUE(take_all(narrow_).empty());
  const auto repaired = take_all(other);
  EXPECT_EQ(repaired.size(), 5U);
  for (const Given& each : repaired) EXPECT_TRUE(each.copy);
}

TEST_F(NarrowAndWide, WhatHasBecomeTooLargeForARepairGoesElsewhere) {
  begin(Policy::failover, {.priority = 2});
  const PathId other = add(milliseconds(10), {.priority = 3});
  settle({other});
  largest_[narrow_] = 1400;
  push_many(1, 0, 5);
  ASSERT_EQ(take_all(narrow_).size(), 5U);
  sender_->down(narrow_, now_);  // which owes it to the next
  largest_[wide_] = 800;
  EXPECT_TRUE(take_all(wide_).empty());
  EXPECT_EQ(take_all(other).size(), 5U);
}

}  // namespace
}  // namespace mpquic::tunnel
