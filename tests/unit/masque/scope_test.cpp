#include "masque/scope.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using packet::sample::Packet;
using packet::sample::Udp;
using packet::sample::with_ip;
using wire::bytes;
using wire::concatenation;
using wire::prefix;

std::string in_path(std::string_view variables) { return fmt::format("/.well-known/masque/ip/{}", variables); }

TEST(Scope, IsWrittenAndReadBack) {
  const std::pair<Scope, const char*> cases[] = {
      {{}, "*/*/"},
      {{{}, 17}, "*/17/"},
      {{{}, 0}, "*/0/"},
      {{{}, 255}, "*/255/"},
      {{prefix("192.0.2.42"), {}}, "192.0.2.42/*/"},
      {{prefix("192.0.2.0/24"), 6}, "192.0.2.0%2F24/6/"},
      {{prefix("0.0.0.0/0"), {}}, "0.0.0.0%2F0/*/"},
      {{prefix("2001:db8::42"), {}}, "2001%3Adb8%3A%3A42/*/"},  // the example of RFC 9484, 4.6
      {{prefix("2001:db8::/32"), 58}, "2001%3Adb8%3A%3A%2F32/58/"},
      {{prefix("::/0"), {}}, "%3A%3A%2F0/*/"},
      {{"target.example.com", 132}, "target.example.com/132/"},
      {{"a_b-c~d.example", {}}, "a_b-c~d.example/*/"},
      {{"x!$&'()*+,;=y", {}}, "x%21%24%26%27%28%29%2A%2B%2C%3B%3Dy/*/"},
      {{"b%C3%BCro.example", {}}, "b%25C3%25BCro.example/*/"},
  };
  for (const auto& [scope, variables] : cases) {
    EXPECT_EQ(scope.path(), in_path(variables));
    EXPECT_EQ(parse_path(in_path(variables)), scope) << variables;
  }
  EXPECT_TRUE(Scope().is_everything());
  EXPECT_FALSE((Scope{{}, 6}.is_everything()));
  EXPECT_FALSE((Scope{prefix("0.0.0.0/0"), {}}.is_everything())) << "no IPv6";
}

TEST(Scope, IsReadHoweverItIsEncoded) {
  const std::pair<const char*, Scope> cases[] = {
      {"%2A/%2a/", {}},
      {"*/*/?", {}},
      {"*/*/?user=bob&x=/a/b/", {}},
      {"192.0.2.0%2f24/006/", {prefix("192.0.2.0/24"), 6}},
      {"192.0.0.0%2F08/*/", {prefix("192.0.0.0/8"), {}}},
      {"2001%3adb8%3A%3a%2f032/*/", {prefix("2001:db8::/32"), {}}},
      {"2001%3ADB8%3A0%3A0%3A0%3A0%3A0%3A1/*/", {prefix("2001:db8::1"), {}}},
      {"%3A%3Affff%3A192.0.2.1/*/", {prefix("::ffff:192.0.2.1"), {}}},
      {"%31%39%32.0.2.1/1%37/", {prefix("192.0.2.1"), 17}},
      {"Example.COM/*/", {"Example.COM", {}}},
      {"*.example.com/*/", {"*.example.com", {}}},
      {"256.0.0.1/*/", {"256.0.0.1", {}}},    // RFC 3986, 3.2.2: what is no IPv4address is a reg-name
      {"192.0.2.01/*/", {"192.0.2.01", {}}},  // which has no leading zeros
  };
  for (const auto& [variables, scope] : cases) {
    const auto read = parse_path(in_path(variables));
    ASSERT_TRUE(read) << variables;
    EXPECT_EQ(*read, scope) << variables;
  }
}

TEST(Scope, OtherPathsAreNotOurs) {
  for (const char* path : {"",
                           "/",
                           "*",
                           "/index.html",
                           "/.well-known/masque/udp/192.0.2.1/443/",
                           "/.well-known/masque/ip",
                           "/.well-known/masque/ip/",
                           "/.well-known/masque/ip//",
                           "/.well-known/masque/ip/*",
                           "/.well-known/masque/ip/*/",
                           "/.well-known/masque/ip/*/*",
                           "/.well-known/masque/ip/*/*//",
                           "/.well-known/masque/ip/*/*/x",
                           "/.well-known/masque/ip/10.0.0.0/8/6/",
                           "/.well-known/masque/IP/*/*/",
                           ".well-known/masque/ip/*/*/",
                           "//.well-known/masque/ip/*/*/",
                           "/x?/.well-known/masque/ip/*/*/",
                           "/.well-known/masque/ip/*?/*/",
                           "https://example.org/.well-known/masque/ip/*/*/"}) {
    const auto scope = parse_path(path);
    ASSERT_FALSE(scope) << path;
    EXPECT_EQ(scope.error(), PathError::not_ours) << path;
  }
}

TEST(Scope, Rfc9484Section4_6BadVariablesMakeTheRequestMalformed) {
  const std::pair<const char*, const char*> cases[] = {
      {"3: empty target", "/*/"},
      {"3: empty ipproto", "*//"},
      {"4.6: both empty", "//"},
      {"4.6: colons that are not encoded", "2001:db8::42/*/"},
      {"4.6: a zone", "fe80%3A%3A1%25eth0/*/"},
      {"4.6: a zone that is encoded twice", "fe80%3A%3A1%2525eth0/*/"},
      {"4.6: an address in brackets", "%5B2001%3Adb8%3A%3A1%5D/*/"},
      {"4.6: IPv4 prefix length over 32", "192.0.2.0%2F33/*/"},
      {"4.6: IPv4 prefix length of three digits", "192.0.2.0%2F024/*/"},
      {"4.6: IPv6 prefix length over 128", "2001%3Adb8%3A%3A%2F129/*/"},
      {"4.6: IPv6 prefix length of four digits", "2001%3Adb8%3A%3A%2F0032/*/"},
      {"4.6: no prefix length", "192.0.2.0%2F/*/"},
      {"4.6: a prefix length that is no number", "192.0.2.0%2Fx/*/"},
      {"4.6: a prefix length with a sign", "192.0.0.0%2F-8/*/"},
      {"4.6: a prefix length with a plus", "192.0.0.0%2F+8/*/"},
      {"4.6: a prefix length with a blank", "192.0.0.0%2F%208/*/"},
      {"4.6: two prefix lengths", "192.0.0.0%2F8%2F8/*/"},
      {"4.6: IPv4 bits beyond the prefix", "192.0.2.1%2F24/*/"},
      {"4.6: IPv6 bits beyond the prefix", "2001%3Adb8%3A%3A1%2F64/*/"},
      {"4.6: a name with a prefix length", "example.com%2F24/*/"},
      {"4.6: a name with a blank", "exam%20ple.com/*/"},
      {"4.6: a name with a line feed", "example.com%0A/*/"},
      {"4.6: an address with a NUL", "192.0.2.1%00/*/"},
      {"4.6: a name with a NUL", "example%00.com/*/"},
      {"4.6: a name with bytes beyond ASCII", "b%C3%BCro.example/*/"},
      {"4.6: a name with half an escape in it", "example%25A/*/"},
      {"4.6: a name with no escape in it", "example%25GG/*/"},
      {"4.6: a name with a port", "example.com%3A443/*/"},
      {"4.6: a name with a user", "bob@example.com/*/"},
      {"3986 2.1: no digits behind '%'", "example%/*/"},
      {"3986 2.1: one digit behind '%'", "example%4/*/"},
      {"3986 2.1: letters behind '%'", "example%zz/*/"},
      {"3986 2.1: '%' in ipproto", "*/%/"},
      {"4.6: ipproto over 255", "*/256/"},
      {"4.6: ipproto of four digits", "*/0006/"},
      {"4.6: ipproto is negative", "*/-1/"},
      {"4.6: ipproto is a name", "*/udp/"},
      {"4.6: ipproto with a blank", "*/%2017/"},
      {"4.6: ipproto with a NUL", "*/17%00/"},
      {"4.6: ipproto hexadecimal", "*/0x6/"},
      {"4.6: two wildcards", "*/**/"},
  };
  for (const auto& [what, variables] : cases) {
    const auto scope = parse_path(in_path(variables));
    ASSERT_FALSE(scope) << what;
    EXPECT_EQ(scope.error(), PathError::malformed) << what;
  }
}

TEST(Scope, ANameIsAtMost255BytesLong) {
  EXPECT_TRUE(parse_path(in_path(std::string(255, 'a') + "/*/")));
  EXPECT_FALSE(parse_path(in_path(std::string(256, 'a') + "/*/")));
}

TEST(Scope, BecomesLimits) {
  const std::vector resolved{prefix("192.0.2.1"), prefix("2001:db8::1")};
  EXPECT_EQ(limits_of({}, resolved), Limits());
  EXPECT_EQ(limits_of({prefix("10.0.0.0/8"), 6}, resolved), (Limits{std::vector{prefix("10.0.0.0/8")}, 6}));
  EXPECT_EQ(limits_of({"example.com", {}}, resolved), (Limits{resolved, {}}));
  EXPECT_EQ(limits_of({"example.com", {}}), (Limits{std::vector<packet::Prefix>(), {}})) << "nowhere, not anywhere";
}

// All sample packets go from 10.0.0.1 to 10.0.0.200 or from fd00::1 to fd00::c8.
constexpr bool from_client = true;
constexpr bool to_client = false;

Packet udp(bool is_ipv6) { return packet_of(Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = Packet(100)}); }

Packet icmp(bool is_ipv6, std::uint8_t type) {
  return with_ip({.is_ipv6 = is_ipv6}, is_ipv6 ? packet::protocol::icmpv6 : packet::protocol::icmp,
                 Packet{type, 0, 0, 0, 0, 0, 0, 0});
}

TEST(Limits, WithoutATargetEveryPacketIsIn) {
  for (const bool is_ipv6 : {false, true}) {
    EXPECT_TRUE(allows({}, udp(is_ipv6), from_client));
    EXPECT_TRUE(allows({}, udp(is_ipv6), to_client));
  }
  EXPECT_FALSE(allows({}, bytes("00"), from_client)) << "no IP packet";
  EXPECT_FALSE(allows({}, {}, from_client));
}

TEST(Limits, TheTargetIsTheOtherEnd) {
  const Limits server{std::vector{prefix("10.0.0.200/32"), prefix("fd00::c8/128")}, {}};
  const Limits client{std::vector{prefix("10.0.0.1/32"), prefix("fd00::1/128")}, {}};
  for (const bool is_ipv6 : {false, true}) {
    EXPECT_TRUE(allows(server, udp(is_ipv6), from_client));
    EXPECT_FALSE(allows(server, udp(is_ipv6), to_client));
    EXPECT_FALSE(allows(client, udp(is_ipv6), from_client));
    EXPECT_TRUE(allows(client, udp(is_ipv6), to_client));
  }
  EXPECT_FALSE(allows({std::vector{prefix("0.0.0.0/0")}, {}}, udp(true), from_client));
  EXPECT_FALSE(allows({std::vector<packet::Prefix>(), {}}, udp(false), from_client));
}

TEST(Limits, Rfc9484Section4_8TheProtocolIsBehindTheExtensionHeaders) {
  const Limits only_udp{{}, 17};
  // Hop-by-hop, destination options, routing, fragment (the first, more to come), then UDP.
  const Packet chain = concatenation({bytes("3c 00 0104 00000000  2b 00 0104 00000000"
                                            "2c 00 0000 00000000  11 00 0001 12345678"),
                                      Packet(8)});
  EXPECT_TRUE(allows(only_udp, with_ip({.is_ipv6 = true}, 0, chain), from_client));
  EXPECT_FALSE(allows({{}, 6}, with_ip({.is_ipv6 = true}, 0, chain), from_client));
  for (const std::uint8_t extension : Packet{0, 43, 44, 60}) {
    EXPECT_FALSE(allows({{}, extension}, with_ip({.is_ipv6 = true}, 0, chain), from_client)) << int{extension};
  }
  const Packet later = concatenation({bytes("11 00 0008 12345678"), Packet(8)});
  EXPECT_TRUE(allows(only_udp, with_ip({.is_ipv6 = true}, 44, later), from_client));
  EXPECT_FALSE(allows({{}, 6}, with_ip({.is_ipv6 = true}, 44, later), from_client));

  EXPECT_TRUE(allows(only_udp, udp(false), to_client));
  EXPECT_FALSE(allows({{}, 6}, udp(false), to_client));
  EXPECT_TRUE(allows({{}, 50}, with_ip({.is_ipv6 = true}, 50, Packet(20)), to_client)) << "ESP ends the chain";
}

TEST(Limits, Rfc9484Section4_6IcmpIsOfEveryProtocol) {
  const Limits only_udp{{}, 17};
  for (const bool is_ipv6 : {false, true}) {
    EXPECT_TRUE(allows(only_udp, icmp(is_ipv6, is_ipv6 ? 128 : 8), from_client));
    EXPECT_TRUE(allows(only_udp, icmp(is_ipv6, is_ipv6 ? 1 : 3), to_client));
  }
  EXPECT_FALSE(allows(only_udp, with_ip({}, packet::protocol::icmpv6, Packet(8)), from_client)) << "in IPv4";
  EXPECT_FALSE(allows(only_udp, with_ip({.is_ipv6 = true}, packet::protocol::icmp, Packet(8)), from_client));
}

TEST(Limits, Rfc9484Section8_2ErrorsMayComeFromOutsideTheTarget) {
  const Limits elsewhere{std::vector{prefix("192.0.2.0/24"), prefix("2001:db8::/32")}, 17};
  for (const bool is_ipv6 : {false, true}) {
    const std::uint8_t error = is_ipv6 ? 3 : 11;
    EXPECT_TRUE(allows(elsewhere, icmp(is_ipv6, error), to_client));
    EXPECT_FALSE(allows(elsewhere, icmp(is_ipv6, error), from_client));
    EXPECT_FALSE(allows(elsewhere, icmp(is_ipv6, is_ipv6 ? 129 : 0), to_client)) << "an echo reply";
  }
  const Packet later = with_ip({.fragment = 1}, packet::protocol::icmp, Packet{3, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_FALSE(allows(elsewhere, later, to_client)) << "a later fragment, whose first byte is no type";
}

}  // namespace
}  // namespace mpquic::masque
