#include "config/values.h"

#include <gtest/gtest.h>

#include "config/problems.h"

namespace mpquic::config {
namespace {

template <class T>
std::string wrong(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(Values, ATunnelAddressIsAHostInItsNetwork) {
  for (const char* good : {"10.200.15.1/24", "10.0.0.0/31", "10.0.0.1/31", "10.0.0.0/32", "10.0.0.255/32",
                           "10.0.0.255/16", "fd00::1/64", "fd00::/127", "fd00::/128", "fd00::ffff/112"}) {
    const auto address = parse_tunnel_address(good);
    ASSERT_TRUE(address) << good << ": " << wrong(address);
    EXPECT_EQ(address->to_string(), good);
  }
  const std::pair<const char*, const char*> bad[] = {
      {"10.200.15.1", "\"10.200.15.1\" has no network length (did you mean 10.200.15.1/24?)"},
      {"fd00::1", "\"fd00::1\" has no network length (did you mean fd00::1/64?)"},
      {"10.200.15.1/33", "\"/33\" is no network length (0 to 32)"},
      {"fd00::1/129", "\"/129\" is no network length (0 to 128)"},
      {"10.200.15.1/", "\"/\" is no network length (0 to 32)"},
      {"10.200.15.0/24", "\"10.200.15.0/24\" is the address of the network itself, not of a host in it"},
      {"fd00::/64", "\"fd00::/64\" is the address of the network itself, not of a host in it"},
      {"10.200.15.255/24", "\"10.200.15.255/24\" is the broadcast address of its network"},
      {"10.200.15.3/30", "\"10.200.15.3/30\" is the broadcast address of its network"},
      {"127.0.0.1/8", "\"127.0.0.1/8\" is no address that an interface can have"},
      {"224.0.0.1/8", "\"224.0.0.1/8\" is no address that an interface can have"},
      {"0.0.0.0/0", "\"0.0.0.0/0\" is no address that an interface can have"},
      {"box1/24", "\"box1/24\" is no address with a network length, such as 10.200.15.1/24"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(wrong(parse_tunnel_address(text)), error);
}

TEST(Values, APrefixWithHostBitsIsAskedBack) {
  EXPECT_EQ(parse_prefix("10.0.0.0/8")->to_string(), "10.0.0.0/8");
  EXPECT_EQ(parse_prefix("10.0.0.1")->to_string(), "10.0.0.1/32");
  EXPECT_EQ(wrong(parse_prefix("10.200.15.1/24")),
            "\"10.200.15.1/24\" has host bits set (did you mean 10.200.15.0/24, or the one host 10.200.15.1/32?)");
  EXPECT_EQ(wrong(parse_prefix("fd00::1/64")),
            "\"fd00::1/64\" has host bits set (did you mean fd00::/64, or the one host fd00::1/128?)");
  EXPECT_EQ(wrong(parse_prefix("10.0.0/8")), "\"10.0.0/8\" is no prefix, such as 10.200.15.0/28 or 2001:db8::/64");
  EXPECT_EQ(wrong(parse_prefix("10.0.0.0/40")),
            "\"10.0.0.0/40\" is no prefix, such as 10.200.15.0/28 or 2001:db8::/64");
}

TEST(Values, AServerIsAnAddressWithAPort) {
  EXPECT_EQ(parse_server("192.0.2.1:45010")->to_string(), "192.0.2.1:45010");
  EXPECT_EQ(parse_server("[2001:db8::1]:1")->to_string(), "[2001:db8::1]:1");
  const std::string example = ", such as 192.0.2.1:45010 or [2001:db8::1]:45010";
  const std::pair<const char*, std::string> bad[] = {
      {"vps.example.net:45010", "\"vps.example.net\" is a name; this version needs an IP address here" + example},
      {"192.0.2.1", "\"192.0.2.1\" has no port (did you mean 192.0.2.1:45010?)"},
      {"2001:db8::1", "\"2001:db8::1\" has no port (did you mean [2001:db8::1]:45010?)"},
      {"2001:db8:0:0:0:0:0:1:443",
       "an IPv6 address with a port needs brackets (did you mean [2001:db8:0:0:0:0:0:1]:443?)"},
      {"192.0.2.1:0", "port \"0\" is out of range (1 to 65535)"},
      {"192.0.2.1:65536", "port \"65536\" is out of range (1 to 65535)"},
      {"192.0.2.1:99999999999999999999", "port \"99999999999999999999\" is out of range (1 to 65535)"},
      {"192.0.2.1:https", "\"192.0.2.1:https\" is no ADDRESS:PORT" + example},
      {"192.0.2:45010", "\"192.0.2:45010\" is no ADDRESS:PORT" + example},
      {"vps", "\"vps\" is no ADDRESS:PORT" + example},
      {"0.0.0.0:45010", "\"0.0.0.0:45010\" is no address to send to"},
      {"224.0.0.1:45010", "\"224.0.0.1\" is a multicast address"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(wrong(parse_server(text)), error);
  EXPECT_TRUE(parse_listen("[::]:45010"));
  EXPECT_TRUE(parse_listen("0.0.0.0:45010"));
}

TEST(Values, NumbersHaveTheirRange) {
  EXPECT_EQ(*parse_mtu("auto"), std::nullopt);
  EXPECT_EQ(*parse_mtu("1280"), 1280u);
  EXPECT_EQ(*parse_mtu("9000"), 9000u);
  EXPECT_EQ(wrong(parse_mtu("1279")), "1279 is out of range (1280 to 9000, or auto)");
  EXPECT_EQ(wrong(parse_mtu("9001")), "9001 is out of range (1280 to 9000, or auto)");
  for (const char* text : {"", "-1", "1300.5", "0x514", "1300 bytes", "99999999999"}) {
    EXPECT_EQ(wrong(parse_mtu(text)), "\"" + std::string(text) + "\" is neither a number nor auto");
  }
  EXPECT_EQ(*parse_workers("64"), 64u);
  EXPECT_EQ(wrong(parse_workers("65")), "65 is out of range (1 to 64, or auto)");
}

TEST(Values, RoutesAreAcceptedAsAWholeOrByPrefix) {
  EXPECT_EQ(*parse_accepted("true"), (std::variant<bool, packet::Prefix>(true)));
  EXPECT_EQ(*parse_accepted("false"), (std::variant<bool, packet::Prefix>(false)));
  EXPECT_EQ(std::get<packet::Prefix>(*parse_accepted("10.0.0.0/8")).to_string(), "10.0.0.0/8");
  EXPECT_EQ(wrong(parse_accepted("yes")), "\"yes\" is neither true nor false nor a prefix");
  EXPECT_EQ(wrong(parse_accepted("10.0.0.0/99")),
            "\"10.0.0.0/99\" is no prefix, such as 10.200.15.0/28 or "
            "2001:db8::/64");
}

TEST(Values, AnInterfaceNameIsWhatTheKernelTakes) {
  for (const char* good : {"a", "mpq1", "eth0.100", "exactly15bytes_"}) EXPECT_TRUE(parse_interface(good)) << good;
  for (const char* bad : {"", "sixteen_bytes_xx", "a/b", "a b", "a\tb", ".", "..", "tun%d", "eth0:1"}) {
    EXPECT_FALSE(parse_interface(bad)) << bad;
  }
}

TEST(Values, AWordOutsideItsListIsAskedBack) {
  EXPECT_EQ(wrong(parse_class("criticl")),
            "\"criticl\" is none of critical, default, bulk (did you mean \"critical\"?)");
  EXPECT_EQ(wrong(parse_role("relay")), "\"relay\" is none of client, server");
  EXPECT_EQ(wrong(parse_alpn("h2")), "\"h2\" is none of h3, mpquic-ip (did you mean \"h3\"?)");
  EXPECT_EQ(parse_alpn("h3"), Alpn::h3);
  EXPECT_EQ(wrong(parse_bool("yes")), "\"yes\" is none of true, false");
  EXPECT_EQ(parse_class("default"), TrafficClass::default_);
  EXPECT_EQ(parse_level("debug"), LogLevel::debug);
}

TEST(Values, WhatIsQuotedCannotSpeakToTheTerminal) {
  EXPECT_EQ(in_quotes("a\x1b[2Jb\x7f"), "\"a\\x1b[2Jb\\x7f\"");
  EXPECT_EQ(in_quotes(std::string(1000, 'x')).size(), 80u + 5);
}

}  // namespace
}  // namespace mpquic::config
