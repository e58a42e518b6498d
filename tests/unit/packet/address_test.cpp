#include "packet/address.h"

#include <gtest/gtest.h>

namespace mpquic::packet {
namespace {

Address address(const char* text) { return Address::parse(text).value(); }
Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

TEST(Prefixes, EndWithTheirHighestAddress) {
  const std::pair<const char*, const char*> table[] = {
      {"10.0.0.0/8", "10.255.255.255"},
      {"10.0.0.4/30", "10.0.0.7"},
      {"10.0.0.4/32", "10.0.0.4"},
      {"0.0.0.0/0", "255.255.255.255"},
      {"fd00::/64", "fd00::ffff:ffff:ffff:ffff"},
      {"fd00::8/125", "fd00::f"},
      {"fd00::8/128", "fd00::8"},
      {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
  };
  for (const auto& [text, last] : table) EXPECT_EQ(prefix(text).last(), address(last)) << text;
}

TEST(Prefixes, ReserveWhatNoHostHas) {
  EXPECT_TRUE(prefix("10.0.0.0/24").reserves(address("10.0.0.0")));
  EXPECT_TRUE(prefix("10.0.0.0/24").reserves(address("10.0.0.255")));
  EXPECT_FALSE(prefix("10.0.0.0/24").reserves(address("10.0.0.1")));
  EXPECT_TRUE(prefix("10.0.0.4/30").reserves(address("10.0.0.7")));
  EXPECT_FALSE(prefix("10.0.0.4/31").reserves(address("10.0.0.4")));
  EXPECT_FALSE(prefix("10.0.0.4/31").reserves(address("10.0.0.5")));
  EXPECT_FALSE(prefix("10.0.0.4/32").reserves(address("10.0.0.4")));
  EXPECT_TRUE(prefix("fd00::/64").reserves(address("fd00::")));
  EXPECT_FALSE(prefix("fd00::/64").reserves(prefix("fd00::/64").last())) << "IPv6 has no broadcast";
  EXPECT_FALSE(prefix("fd00::/127").reserves(address("fd00::")));
}

TEST(Prefixes, OfEverythingHoldTheirWholeFamily) {
  EXPECT_EQ(Prefix::everything(Address::Family::ipv4), prefix("0.0.0.0/0"));
  EXPECT_EQ(Prefix::everything(Address::Family::ipv6), prefix("::/0"));
}

}  // namespace
}  // namespace mpquic::packet
