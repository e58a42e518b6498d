#include "masque/route_capsule.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::address;
using wire::Buffer;
using wire::bytes;
using wire::error_of;
using Ranges = std::vector<AddressRange>;

AddressRange range(const char* first, const char* last, std::uint8_t protocol = 0) {
  return {address(first), address(last), protocol};
}

TEST(RouteCapsule, IsOnTheWireAsRfc9484HasIt) {
  Buffer stream;
  append_route_advertisement(stream,
                             Ranges{range("0.0.0.0", "255.255.255.255"), range("2001:db8::", "2001:db8::ff", 58)});
  EXPECT_EQ(stream, bytes("03 2c"
                          "04 00000000 ffffffff 00"
                          "06 20010db8000000000000000000000000 20010db80000000000000000000000ff 3a"));
  stream.clear();
  append_route_advertisement(stream, {});
  EXPECT_EQ(stream, bytes("03 00"));
}

TEST(RouteCapsule, IsReadAsItWasWritten) {
  const Ranges cases[] = {
      {},
      {range("10.0.0.1", "10.0.0.1")},
      {range("10.0.0.0", "10.0.0.9"), range("10.0.0.10", "10.0.0.20")},  // adjacent is not overlapping
      {range("10.0.0.0", "10.0.0.9", 6), range("10.0.0.0", "10.0.0.9", 17)},
      {range("10.0.0.0", "10.0.0.9"), range("10.0.0.20", "10.0.0.29"), range("10.0.0.10", "10.0.0.19", 6)},
      {range("10.0.0.5", "10.0.0.9", 6), range("10.0.0.0", "10.0.0.4", 17), range("::", "::ff"),
       range("::100", "::1ff", 6), range("::100", "::1ff", 17)},
      {range("0.0.0.0", "255.255.255.255"), range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 255)},
  };
  for (const Ranges& ranges : cases) {
    Buffer stream;
    append_route_advertisement(stream, ranges);
    EXPECT_EQ(parse_route_advertisement(wire::value_of(stream, CapsuleType::route_advertisement)), ranges);
  }
}

TEST(RouteCapsule, Rfc9484Section4_7_3BadOnesAreErrors) {
  struct Case {
    const char* what;
    const char* value;
    const char* error;
  };
  const Case cases[] = {
      {"9297 3.3: ends before the start", "04", ", range 1: the value ends within the address"},
      {"9297 3.3: ends within the start", "04 0a0000", ", range 1: the value ends within the address"},
      {"9297 3.3: ends within the end", "04 0a000000 0a0000", ", range 1: the value ends within the address"},
      {"9297 3.3: ends before the protocol", "04 0a000000 0a0000ff", ", range 1: the value ends within the entry"},
      {"9297 3.3: IPv6 with addresses of IPv4", "06 0a000000 0a0000ff 00",
       ", range 1: the value ends within the address"},
      {"9297 3.3: bytes behind the last range", "04 0a000000 0a0000ff 00 04",
       ", range 2: the value ends within the address"},
      {"4.7.3: IP version 0", "00 0a000000 0a0000ff 00", ", range 1: 0 is no version of IP"},
      {"4.7.3: IP version 5", "04 0a000000 0a0000ff 00 05 0a000000 0a0000ff 00", ", range 2: 5 is no version of IP"},
      {"4.7.3: start above end", "04 0a000001 0a000000 06",
       ", range 1: 10.0.0.1 to 10.0.0.0, protocol 6: ends before it begins"},
      {"4.7.3: IPv6 start above end", "06 20010db8000000000000000000000001 20010db8000000000000000000000000 00",
       ", range 1: 2001:db8::1 to 2001:db8::, protocol 0: ends before it begins"},
      {"4.7.3: IPv6 before IPv4",
       "06 00000000000000000000000000000000 00000000000000000000000000000000 00  04 0a000000 0a0000ff 00",
       ": :: to ::, protocol 0 stands before 10.0.0.0 to 10.0.0.255, protocol 0"},
      {"4.7.3: protocols descend", "04 0a000000 0a0000ff 11  04 0b000000 0b0000ff 06",
       ": 10.0.0.0 to 10.0.0.255, protocol 17 stands before 11.0.0.0 to 11.0.0.255, protocol 6"},
      {"4.7.3: addresses descend", "04 0b000000 0b0000ff 00  04 0a000000 0a0000ff 00",
       ": 11.0.0.0 to 11.0.0.255, protocol 0 stands before 10.0.0.0 to 10.0.0.255, protocol 0"},
      {"4.7.3: the same range twice", "04 0a000000 0a0000ff 06  04 0a000000 0a0000ff 06",
       ": 10.0.0.0 to 10.0.0.255, protocol 6 overlaps 10.0.0.0 to 10.0.0.255, protocol 6"},
      {"4.7.3: end is the next one's start", "04 0a000000 0a0000ff 00  04 0a0000ff 0a0001ff 00",
       ": 10.0.0.0 to 10.0.0.255, protocol 0 overlaps 10.0.0.255 to 10.0.1.255, protocol 0"},
      {"4.7.3: a range within another", "04 0a000000 0a0000ff 00  04 0a000010 0a000020 00",
       ": 10.0.0.0 to 10.0.0.255, protocol 0 overlaps 10.0.0.16 to 10.0.0.32, protocol 0"},
      {"4.7.3: IPv6 ranges overlap",
       "06 20010db8000000000000000000000000 20010db800000000000000000000000f 00"
       "06 20010db800000000000000000000000f 20010db80000000000000000000000ff 00",
       ": 2001:db8:: to 2001:db8::f, protocol 0 overlaps 2001:db8::f to 2001:db8::ff, protocol 0"},
      {"4.7.3, optional: one protocol within all", "04 0a000000 0a0000ff 00  04 0a000010 0a000020 06",
       ": 10.0.0.0 to 10.0.0.255, protocol 0 overlaps 10.0.0.16 to 10.0.0.32, protocol 6"},
      {"4.7.3, optional: all within one protocol", "04 0a000010 0a000020 00  04 0a000000 0a0000ff 06",
       ": 10.0.0.16 to 10.0.0.32, protocol 0 overlaps 10.0.0.0 to 10.0.0.255, protocol 6"},
      {"4.7.3, optional: one address in common", "04 0a000010 0a000020 00  04 0a000000 0a000010 06",
       ": 10.0.0.16 to 10.0.0.32, protocol 0 overlaps 10.0.0.0 to 10.0.0.16, protocol 6"},
      {"4.7.3, optional: the last of two for all",
       "04 0a000000 0a0000ff 00  04 0b000000 0b0000ff 00  04 0c000000 0c0000ff 06  04 0b0000ff 0b000100 11",
       ": 11.0.0.0 to 11.0.0.255, protocol 0 overlaps 11.0.0.255 to 11.0.1.0, protocol 17"},
      {"4.7.3, optional: IPv6",
       "04 00000000 ffffffff 06"
       "06 20010db8000000000000000000000000 20010db800000000000000000000000f 00"
       "06 20010db800000000000000000000000f 20010db80000000000000000000000ff 06",
       ": 2001:db8:: to 2001:db8::f, protocol 0 overlaps 2001:db8::f to 2001:db8::ff, protocol 6"},
  };
  for (const auto& [what, value, error] : cases) {
    EXPECT_EQ(error_of(parse_route_advertisement(bytes(value))), fmt::format("ROUTE_ADVERTISEMENT{}", error)) << what;
  }
}

TEST(RouteCapsule, TakesWhatRangesOfGives) {
  Buffer stream;
  append_route_advertisement(stream, ranges_of({wire::prefix("fd00::/8"), wire::prefix("10.1.0.0/16"),
                                                wire::prefix("10.0.0.0/16"), wire::prefix("10.0.5.0/24")}));
  EXPECT_EQ(parse_route_advertisement(wire::value_of(stream, CapsuleType::route_advertisement)),
            (Ranges{range("10.0.0.0", "10.1.255.255"), range("fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}));
}

TEST(RouteCapsule, HasRoomForThousandsOfRanges) {
  Ranges ranges;
  for (std::uint32_t i = 0; i < 13'000; ++i) {
    Buffer first(4), last(4);
    store_be32(first.data(), i * 16);
    store_be32(last.data(), i * 16 + 7);
    ranges.push_back({packet::Address::from_bytes(first), packet::Address::from_bytes(last), 0});
  }
  for (std::size_t i = 0; i < 13'000; ++i) {
    AddressRange other = ranges[i];
    Buffer first(other.first.bytes().begin(), other.first.bytes().end());
    store_be32(first.data(), load_be32(first.data()) + 8);
    other.first = other.last = packet::Address::from_bytes(first);
    other.protocol = 6;
    ranges.push_back(other);
  }
  Buffer stream;
  append_route_advertisement(stream, ranges);
  const Buffer value = wire::value_of(stream, CapsuleType::route_advertisement);
  ASSERT_EQ(value.size(), 260'000u);
  EXPECT_EQ(parse_route_advertisement(value), ranges);
}

}  // namespace
}  // namespace mpquic::masque
