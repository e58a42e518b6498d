#include "peers/route_table.h"

#include <gtest/gtest.h>

#include "peers/addresses.h"

namespace mpquic::peers {
namespace {

constexpr SessionRef one{0, 1}, two{0, 2}, three{1, 1}, four{1, 4};

TEST(RouteTableTest, TheLongestPrefixThatHoldsTheDestinationWins) {
  RouteTable table;
  table.set(prefix("0.0.0.0/0"), one);
  table.set(prefix("10.1.0.0/16"), two);
  table.set(prefix("10.1.2.0/24"), three);
  table.set(prefix("10.1.2.3/32"), four);
  const struct {
    const char* destination;
    SessionRef session;
  } rows[] = {
      {"10.1.2.3", four},  {"10.1.2.4", three}, {"10.1.2.255", three},    {"10.1.3.1", two},
      {"10.1.255.1", two}, {"10.2.0.0", one},   {"255.255.255.255", one}, {"0.0.0.0", one},
  };
  for (const auto& row : rows) EXPECT_EQ(table.find(address(row.destination)), row.session) << row.destination;
}

TEST(RouteTableTest, FindsNothingWherePrefixesDoNotReach) {
  RouteTable table;
  EXPECT_EQ(table.find(address("10.0.0.1")), std::nullopt);
  table.set(prefix("10.0.0.0/31"), one);
  EXPECT_EQ(table.find(address("10.0.0.1")), one);
  EXPECT_EQ(table.find(address("10.0.0.2")), std::nullopt);
}

TEST(RouteTableTest, KeepsTheFamiliesApart) {
  RouteTable table;
  table.set(prefix("::/0"), one);
  EXPECT_EQ(table.find(address("0.0.0.0")), std::nullopt);
  table.set(prefix("0.0.0.0/0"), two);
  table.set(prefix("2001:db8::/33"), three);
  table.set(prefix("2001:db8:8000::1/128"), four);
  EXPECT_EQ(table.find(address("2001:db8::1")), three);
  EXPECT_EQ(table.find(address("2001:db8:8000::1")), four);
  EXPECT_EQ(table.find(address("2001:db8:8000::2")), one);
  EXPECT_EQ(table.find(address("10.0.0.1")), two);
}

TEST(RouteTableTest, APrefixSetAgainLeadsElsewhereAndARemovedOneUncoversTheShorter) {
  RouteTable table;
  table.set(prefix("10.0.0.0/8"), one);
  table.set(prefix("10.0.0.1/32"), two);
  table.set(prefix("10.0.0.1/32"), three);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.find(address("10.0.0.1")), three);
  table.remove(prefix("10.0.0.1/32"));
  table.remove(prefix("10.0.0.2/32"));  // was never there
  EXPECT_EQ(table.find(address("10.0.0.1")), one);
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace mpquic::peers
