#include "peers/address_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "peers/addresses.h"

namespace mpquic::peers {
namespace {

std::string text(const AddressRanges& ranges) {
  std::string all;
  for (const auto& [first, last] : ranges.ranges()) all += first.to_string() + "-" + last.to_string() + " ";
  return all;
}

TEST(AddressRanges, NeighboursAreOneRange) {
  AddressRanges ranges;
  ranges.add(prefix("10.0.0.0/30"));
  ranges.add(prefix("10.0.0.8/30"));
  EXPECT_EQ(text(ranges), "10.0.0.0-10.0.0.3 10.0.0.8-10.0.0.11 ");
  ranges.add(prefix("10.0.0.4/30"));
  EXPECT_EQ(text(ranges), "10.0.0.0-10.0.0.11 ");
  ranges.add(address("10.0.0.5"), address("10.0.0.40"));
  EXPECT_EQ(text(ranges), "10.0.0.0-10.0.0.40 ");
}

TEST(AddressRanges, WhatIsTakenOutLeavesBothSides) {
  AddressRanges ranges;
  ranges.add(prefix("10.0.0.0/24"));
  ranges.remove(prefix("10.0.0.16/28"));
  EXPECT_EQ(text(ranges), "10.0.0.0-10.0.0.15 10.0.0.32-10.0.0.255 ");
  EXPECT_TRUE(ranges.contains(address("10.0.0.15")));
  EXPECT_FALSE(ranges.contains(address("10.0.0.16")));
  EXPECT_FALSE(ranges.contains(address("10.0.0.31")));
  EXPECT_FALSE(ranges.contains(address("fd00::1")));
  ranges.remove(address("0.0.0.0"), address("10.0.0.200"));
  EXPECT_EQ(text(ranges), "10.0.0.201-10.0.0.255 ");
  EXPECT_EQ(ranges.first(), address("10.0.0.201"));
  ranges.remove(packet::Prefix::everything(packet::Address::Family::ipv4));
  EXPECT_TRUE(ranges.empty());
  EXPECT_EQ(ranges.first(), std::nullopt);
}

TEST(AddressRanges, ReachBothEndsOfAVersion) {
  for (const auto family : {packet::Address::Family::ipv4, packet::Address::Family::ipv6}) {
    const packet::Prefix everything = packet::Prefix::everything(family);
    AddressRanges ranges;
    ranges.add(everything);
    ranges.remove(packet::Prefix(everything.address()));
    ranges.remove(packet::Prefix(everything.last()));
    EXPECT_FALSE(ranges.contains(everything.address()));
    EXPECT_FALSE(ranges.contains(everything.last()));
    ranges.add(packet::Prefix(everything.last()));
    ranges.add(packet::Prefix(everything.address()));
    EXPECT_EQ(text(ranges), everything.address().to_string() + "-" + everything.last().to_string() + " ");
  }
}

// Against a set of the addresses themselves, in a /24 and with carries at its ends.
TEST(AddressRanges, AreTheSetThatTheyStandFor) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const auto number = [](unsigned offset) {
    std::array<std::uint8_t, 4> bytes{10, 0, static_cast<std::uint8_t>(1 + offset / 256),
                                      static_cast<std::uint8_t>(offset % 256)};
    return packet::Address::from_bytes(bytes);
  };
  constexpr unsigned count = 520;
  AddressRanges ranges;
  std::set<unsigned> expected;
  for (int step = 0; step < 2000; ++step) {
    const unsigned first = static_cast<unsigned>(random()) % count;
    const unsigned last = std::min(count - 1, first + static_cast<unsigned>(random()) % 20);
    const bool adds = random() % 2 == 0;
    if (adds) {
      ranges.add(number(first), number(last));
    } else {
      ranges.remove(number(first), number(last));
    }
    for (unsigned i = first; i <= last; ++i) {
      if (adds) {
        expected.insert(i);
      } else {
        expected.erase(i);
      }
    }
    for (unsigned i = 0; i < count; ++i) ASSERT_EQ(ranges.contains(number(i)), expected.contains(i)) << i;
    std::size_t runs = 0;
    for (const unsigned i : expected) runs += !expected.contains(i - 1);
    ASSERT_EQ(ranges.ranges().size(), runs) << "one range for each run";
  }
}

}  // namespace
}  // namespace mpquic::peers
