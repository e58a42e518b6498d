#include "base/drop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace mpquic {
namespace {

TEST(DropTest, EachReasonHasANameOfItsOwnThatCanBeAMetricLabel) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < drop_count; ++i) {
    const std::string_view text = name(static_cast<Drop>(i));
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; })) << text;
    EXPECT_FALSE(text.empty());
    EXPECT_NE(text, "unknown");
    EXPECT_TRUE(names.insert(text).second) << text << " twice";
  }
}

TEST(DropCountersTest, CountEachReasonByItself) {
  DropCounters drops;
  drops.count(Drop::malformed);
  drops.count(Drop::bad_token, 5);
  drops.count(Drop::bad_token);
  for (std::size_t i = 0; i < drop_count; ++i) {
    const auto reason = static_cast<Drop>(i);
    EXPECT_EQ(drops[reason], reason == Drop::malformed ? 1U : reason == Drop::bad_token ? 6U : 0U) << name(reason);
  }
}

TEST(DropCountersTest, AddUp) {
  DropCounters one, other;
  one.count(Drop::no_route, 2);
  other.count(Drop::no_route, 3);
  other.count(Drop::too_big);
  one += other;
  EXPECT_EQ(one[Drop::no_route], 5U);
  EXPECT_EQ(one[Drop::too_big], 1U);
  EXPECT_EQ(other[Drop::no_route], 3U);
}

}  // namespace
}  // namespace mpquic
