#include "masque/address_capsules.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::Buffer;
using wire::bytes;
using wire::error_of;
using wire::prefix;
using Entries = std::vector<AddressEntry>;

TEST(AddressCapsules, AreOnTheWireAsRfc9484HasThem) {
  Buffer request;
  append_address_request(request, Entries{{1, prefix("0.0.0.0/32")}, {2, prefix("2001:db8::/56")}});
  EXPECT_EQ(request, bytes("02 1a 01 04 00000000 20 02 06 20010db8000000000000000000000000 38"));

  Buffer assign;
  append_address_assign(assign, Entries{{1, prefix("192.0.2.11/32")}, {0, prefix("10.0.0.0/8")}});
  EXPECT_EQ(assign, bytes("01 0e 01 04 c000020b 20 00 04 0a000000 08"));

  Buffer nothing;
  append_address_assign(nothing, Entries{});
  EXPECT_EQ(nothing, bytes("01 00"));
}

TEST(AddressCapsules, AreReadAsTheyWereWritten) {
  const Entries entries{{7, prefix("192.0.2.11")},
                        {16384, prefix("2001:db8::/56")},
                        {(1ULL << 62) - 1, prefix("::1")},
                        {64, prefix("0.0.0.0/0")},
                        {1, prefix("::/0")},
                        {2, prefix("255.255.255.254/31")}};
  Buffer stream;
  append_address_assign(stream, entries);
  EXPECT_EQ(parse_address_assign(wire::value_of(stream, CapsuleType::address_assign)), entries);
  stream.clear();
  append_address_request(stream, entries);
  EXPECT_EQ(parse_address_request(wire::value_of(stream, CapsuleType::address_request)), entries);
}

TEST(AddressCapsules, AnAssignmentMayBeEmptyAndAnswerNoRequestOrOneSeveralTimes) {
  EXPECT_EQ(parse_address_assign({}), Entries{});
  EXPECT_EQ(
      parse_address_assign(bytes("00 04 0a000001 20 00 04 0a000002 20 05 04 0a000003 20 05 04 0a000004 20"))->size(),
      4u);
}

TEST(AddressCapsules, TheAllZeroHostIsARejection) {
  EXPECT_TRUE((AddressEntry{1, prefix("0.0.0.0/32")}.is_rejection()));
  EXPECT_TRUE((AddressEntry{1, prefix("::/128")}.is_rejection()));
  EXPECT_FALSE((AddressEntry{1, prefix("0.0.0.0/0")}.is_rejection())) << "all of IPv4";
  EXPECT_FALSE((AddressEntry{1, prefix("::/127")}.is_rejection()));
  EXPECT_FALSE((AddressEntry{1, prefix("0.0.0.1/32")}.is_rejection()));
}

struct BadValue {
  const char* what;
  const char* value;
  const char* error;
};

constexpr const char* good4 = "01 04 c0000201 20";

const BadValue bad_entries[] = {
    {"9297 3.3: ends within the request id", "40", "entry 1: the value ends within the request id"},
    {"9297 3.3: ends before the version", "01", "entry 1: the value ends within the entry"},
    {"9297 3.3: ends within an IPv4 address", "01 04 c00002", "entry 1: the value ends within the address"},
    {"9297 3.3: ends within an IPv6 address", "01 06 20010db80000000000000000000000",
     "entry 1: the value ends within the address"},
    {"9297 3.3: ends before the length", "01 04 c0000201", "entry 1: the value ends within the entry"},
    {"9297 3.3: bytes behind the last entry", "01 04 c0000201 20 00", "entry 2: the value ends within the entry"},
    {"9484 4.7.1: IP version 0", "01 00 c0000201 20", "entry 1: 0 is no version of IP"},
    {"9484 4.7.1: IP version 5", "01 05 c0000201 20", "entry 1: 5 is no version of IP"},
    {"9484 4.7.1: IPv4 prefix length over 32", "01 04 c0000201 21", "entry 1: 192.0.2.1/33 is longer than its address"},
    {"9484 4.7.1: IPv6 prefix length over 128", "01 06 20010db8000000000000000000000000 81",
     "entry 1: 2001:db8::/129 is longer than its address"},
    {"9484 4.7.1: IPv4 bits beyond the prefix", "01 04 c0000201 1f", "entry 1: 192.0.2.1/31 has host bits set"},
    {"9484 4.7.1: IPv4 bits beyond a prefix of 0", "01 04 80000000 00", "entry 1: 128.0.0.0/0 has host bits set"},
    {"9484 4.7.1: IPv6 bits beyond the prefix", "01 06 20010db8000000000000000000000001 40",
     "entry 1: 2001:db8::1/64 has host bits set"},
};

TEST(AddressCapsules, Rfc9484Section4_7_1BadAssignmentsAreErrors) {
  for (const auto& [what, value, error] : bad_entries) {
    EXPECT_EQ(error_of(parse_address_assign(bytes(value))), fmt::format("ADDRESS_ASSIGN, {}", error)) << what;
  }
  EXPECT_EQ(error_of(parse_address_assign(bytes(fmt::format("{} 00 07 00000000 20", good4)))),
            "ADDRESS_ASSIGN, entry 2: 7 is no version of IP");
}

TEST(AddressCapsules, Rfc9484Section4_7_2BadRequestsAreErrors) {
  for (const auto& [what, value, error] : bad_entries) {
    EXPECT_EQ(error_of(parse_address_request(bytes(value))), fmt::format("ADDRESS_REQUEST, {}", error)) << what;
  }
  const BadValue cases[] = {
      {"9484 4.7.2: no entry", "", "asks for nothing"},
      {"9484 4.7.2: request id 0", "00 04 c0000201 20", "request id 0"},
      {"9484 4.7.2: request id 0, behind another", "01 04 c0000201 20 00 04 c0000202 20", "request id 0"},
      {"9484 4.7.2: request id again", "05 04 c0000201 20 06 04 c0000202 20 05 04 c0000203 20",
       "request id 5 is there twice"},
      {"9484 4.7.2: request id again, written longer", "05 04 c0000201 20 4005 04 c0000202 20",
       "request id 5 is there twice"},
  };
  for (const auto& [what, value, error] : cases) {
    EXPECT_EQ(error_of(parse_address_request(bytes(value))), fmt::format("ADDRESS_REQUEST: {}", error)) << what;
  }
}

}  // namespace
}  // namespace mpquic::masque
