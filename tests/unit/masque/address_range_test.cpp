#include "masque/address_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using packet::Address;
using packet::Prefix;
using wire::address;

std::vector<Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<Prefix> all;
  for (const char* text : texts) all.push_back(wire::prefix(text));
  return all;
}

AddressRange range(const char* first, const char* last, std::uint8_t protocol = 0) {
  return {address(first), address(last), protocol};
}

struct Case {
  std::vector<Prefix> prefixes;
  std::vector<AddressRange> ranges;
};

TEST(AddressRange, PrefixesBecomeTheFewestRangesInOrder) {
  const Case cases[] = {
      {{}, {}},
      {prefixes({"0.0.0.0/0"}), {range("0.0.0.0", "255.255.255.255")}},
      {prefixes({"::/0"}), {range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}},
      {prefixes({"2001:db8::/64", "10.0.0.0/8"}),
       {range("10.0.0.0", "10.255.255.255"), range("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff")}},
      {prefixes({"10.0.1.0/24", "10.0.0.0/24"}), {range("10.0.0.0", "10.0.1.255")}},
      {prefixes({"10.0.0.0/24", "10.0.0.128/25"}), {range("10.0.0.0", "10.0.0.255")}},
      {prefixes({"10.0.0.0/24", "10.0.0.0/16"}), {range("10.0.0.0", "10.0.255.255")}},
      {prefixes({"10.0.0.0/24", "10.0.0.0/24"}), {range("10.0.0.0", "10.0.0.255")}},
      {prefixes({"10.0.0.0/25", "10.0.0.129/32"}),
       {range("10.0.0.0", "10.0.0.127"), range("10.0.0.129", "10.0.0.129")}},
      {prefixes({"128.0.0.0/1", "::/1"}),
       {range("128.0.0.0", "255.255.255.255"), range("::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}},
      {prefixes({"255.255.255.255/32", "::/128"}), {range("255.255.255.255", "255.255.255.255"), range("::", "::")}},
      {prefixes({"255.255.255.255/32", "::1:0:0/128"}),  // not adjacent, though 2^32 - 1 and 2^32
       {range("255.255.255.255", "255.255.255.255"), range("::1:0:0", "::1:0:0")}},
      {prefixes({"2001:db8::ffff:ffff:ffff:ffff/128", "2001:db8:0:1::/64"}),
       {range("2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1:ffff:ffff:ffff:ffff")}},
  };
  for (const auto& [from, to] : cases) EXPECT_EQ(ranges_of(from), to) << (from.empty() ? "" : from[0].to_string());
}

TEST(AddressRange, HaveTheProtocolThatIsAskedFor) {
  EXPECT_EQ(ranges_of(prefixes({"10.0.0.0/8"}), 17), (std::vector{range("10.0.0.0", "10.255.255.255", 17)}));
}

TEST(AddressRange, AreInsidePrefixesThatHaveThemTogether) {
  const auto own = prefixes({"10.1.0.128/25", "10.1.0.0/25", "10.3.0.0/16", "2001:db8::/32"});
  const std::vector<AddressRange> inside = {
      range("10.1.0.0", "10.1.0.255"),
      range("10.1.0.127", "10.1.0.128", 17),
      range("10.3.0.0", "10.3.255.255"),
      range("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
  };
  EXPECT_EQ(first_outside(inside, own), nullptr);
  EXPECT_EQ(first_outside({}, {}), nullptr);
  EXPECT_EQ(first_outside(inside, {}), inside.data());
  for (const auto& outside : {
           range("10.1.0.255", "10.1.1.0"),
           range("10.0.255.255", "10.1.0.0"),
           range("10.1.0.0", "10.3.255.255"),
           range("10.4.0.0", "10.4.0.0"),
           range("9.0.0.0", "9.0.0.0"),
           range("a01::", "a01::"),  // begins as 10.1.0.0 does
           range("2001:db8::", "2001:db9::"),
           range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
       }) {
    const std::vector<AddressRange> ranges = {inside[0], outside, inside[2]};
    EXPECT_EQ(first_outside(ranges, own), &ranges[1]) << outside.first.to_string();
  }
}

TEST(AddressRange, TakeTheFewestPrefixes) {
  const Case cases[] = {
      {prefixes({"0.0.0.0/0"}), {range("0.0.0.0", "255.255.255.255")}},
      {prefixes({"::/0"}), {range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}},
      {prefixes({"10.0.0.5/32"}), {range("10.0.0.5", "10.0.0.5")}},
      {prefixes({"10.0.0.0/23"}), {range("10.0.0.0", "10.0.1.255")}},
      {prefixes({"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.8/29", "10.0.0.16/32"}),
       {range("10.0.0.1", "10.0.0.16")}},
      {prefixes({"255.255.255.254/31"}), {range("255.255.255.254", "255.255.255.255")}},
      {prefixes({"2001:db8::ffff:ffff:ffff:ffff/128", "2001:db8:0:1::/128"}),
       {range("2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::")}},
      {prefixes({"10.0.0.0/32", "::1/128"}), {range("10.0.0.0", "10.0.0.0"), range("::1", "::1")}},
  };
  for (const auto& [to, from] : cases) EXPECT_EQ(prefixes_of(from), to) << to[0].to_string();
  EXPECT_EQ(prefixes_of(std::vector{range("0.0.0.1", "255.255.255.254")}).size(), 62u);
  EXPECT_EQ(prefixes_of(std::vector{range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")}).size(), 254u);
}

/// Random ranges of a small network: the same addresses, and no two neighbours that one prefix could take the place of.
TEST(AddressRange, AndItsPrefixesHaveTheSameAddresses) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto host = [](const char* network, unsigned number) {
    const Address base = address(network);
    std::vector<std::uint8_t> all(base.bytes().begin(), base.bytes().end());
    all.back() = static_cast<std::uint8_t>(number);
    return Address::from_bytes(all);
  };
  for (const char* network : {"10.0.0.0", "2001:db8::"}) {
    for (int round = 0; round < 500; ++round) {
      unsigned first = random() % 256, last = random() % 256;
      if (first > last) std::swap(first, last);
      const std::vector given{AddressRange{host(network, first), host(network, last), 0}};
      const auto found = prefixes_of(given);
      ASSERT_EQ(ranges_of(found), given);
      for (unsigned number = 0; number < 256; ++number) {
        const Address one = host(network, number);
        const auto holders = std::ranges::count_if(found, [&](const Prefix& p) { return p.contains(one); });
        ASSERT_EQ(holders, number >= first && number <= last ? 1 : 0) << one.to_string();
      }
      for (std::size_t i = 1; i < found.size(); ++i) {
        const bool mergeable =
            found[i - 1].length() == found[i].length() &&
            Prefix(found[i].address(), found[i].length() - 1) == Prefix(found[i - 1].address(), found[i].length() - 1);
        ASSERT_FALSE(mergeable) << found[i - 1].to_string() << " and " << found[i].to_string();
      }
    }
  }
}

}  // namespace
}  // namespace mpquic::masque
