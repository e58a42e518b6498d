#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace mpquic {
namespace {

using namespace std::chrono_literals;

const Instant start = Instant() + 1h;

int takes(TokenBucket& bucket, Instant now) {
  int count = 0;
  while (bucket.take(now)) ++count;
  return count;
}

TEST(TokenBucketTest, LetsItsBurstThroughAndThenItsRate) {
  TokenBucket bucket(10, 5);
  EXPECT_EQ(takes(bucket, start), 5);
  EXPECT_EQ(takes(bucket, start + 99ms), 0);
  EXPECT_EQ(takes(bucket, start + 101ms), 1);
  EXPECT_EQ(takes(bucket, start + 402ms), 3);
}

TEST(TokenBucketTest, SavesUpNoMoreThanItsBurst) {
  TokenBucket bucket(10, 5);
  EXPECT_EQ(takes(bucket, start), 5);
  EXPECT_EQ(takes(bucket, start + 1h), 5);
}

TEST(TokenBucketTest, IsFullUntilTakenFromAndAfterARest) {
  TokenBucket bucket(10, 5);
  EXPECT_TRUE(bucket.full(start));
  EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.full(start));
  EXPECT_FALSE(bucket.full(start + 99ms));
  EXPECT_TRUE(bucket.full(start + 101ms));
  EXPECT_EQ(takes(bucket, start), 4) << "full() only looks";
}

TEST(TokenBucketTest, GivesNothingForATimeThatHasPassedAlready) {
  TokenBucket bucket(10, 5);
  EXPECT_EQ(takes(bucket, start), 5);
  EXPECT_EQ(takes(bucket, start - 1h), 0);
  EXPECT_EQ(takes(bucket, start), 0);
  EXPECT_EQ(takes(bucket, start + 101ms), 1);
}

}  // namespace
}  // namespace mpquic
