#include "config/overlap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace mpquic::config {
namespace {

Claim claim(std::string_view prefix, unsigned line, std::size_t owner) {
  return {*packet::Prefix::parse(prefix), {line, 1}, owner};
}

std::vector<std::pair<unsigned, unsigned>> overlaps(const std::vector<Claim>& claims) {
  std::vector<std::pair<unsigned, unsigned>> lines;
  for_each_overlap(claims, [&](const Claim& a, const Claim& b) { lines.emplace_back(a.place.line, b.place.line); });
  std::ranges::sort(lines);
  return lines;
}
using Pairs = std::vector<std::pair<unsigned, unsigned>>;

TEST(Overlap, NamesTheLaterAndTheEarlierClaim) {
  EXPECT_EQ(overlaps({claim("10.0.0.0/8", 1, 1), claim("10.1.0.0/16", 2, 2)}), (Pairs{{2, 1}}));
  EXPECT_EQ(overlaps({claim("10.1.0.0/16", 1, 1), claim("10.0.0.0/8", 2, 2)}), (Pairs{{2, 1}}));
  EXPECT_EQ(overlaps({claim("10.0.0.0/8", 1, 1), claim("10.0.0.0/8", 2, 2)}), (Pairs{{2, 1}}));
  EXPECT_EQ(overlaps({claim("10.0.0.0/8", 1, 1), claim("11.0.0.0/8", 2, 2)}), Pairs{});
  EXPECT_EQ(overlaps({claim("0.0.0.0/0", 1, 1), claim("::/0", 2, 2)}), Pairs{});
  // The foreign claim counts, though one of the same owner lies between.
  EXPECT_EQ(overlaps({claim("10.0.0.0/8", 1, 1), claim("10.0.0.0/16", 2, 2), claim("10.0.0.0/24", 3, 2)}),
            (Pairs{{2, 1}, {3, 1}}));
  EXPECT_EQ(overlaps({claim("10.0.0.0/8", 1, 1), claim("10.0.0.0/24", 2, 1)}), (Pairs{{2, 1}}));
}

// Whether anything clashes, and that what is reported does clash, against comparing each with each.
TEST(Overlap, AgreesWithComparingEachWithEach) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<Claim> claims;
    const unsigned count = 2 + static_cast<unsigned>(random() % 8);
    for (unsigned line = 1; line <= count; ++line) {
      const std::array<std::uint8_t, 4> bytes = {10, 0, 0, static_cast<std::uint8_t>(random())};
      claims.push_back({packet::Prefix(packet::Address::from_bytes(bytes), 24 + static_cast<unsigned>(random() % 9)),
                        {line, 1},
                        random() % 3});
    }
    bool clash = false;
    for (const Claim& a : claims) {
      for (const Claim& b : claims) clash |= a.owner != b.owner && a.prefix.overlaps(b.prefix);
    }
    bool reported = false;
    for_each_overlap(claims, [&](const Claim& a, const Claim& b) {
      EXPECT_TRUE(a.prefix.overlaps(b.prefix));
      EXPECT_LT(b.place, a.place);
      reported |= a.owner != b.owner;
    });
    EXPECT_EQ(reported, clash);
  }
}

}  // namespace
}  // namespace mpquic::config
