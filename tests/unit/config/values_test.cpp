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

TEST(Values, AServerIsANameOrAnAddressWithAPort) {
  EXPECT_EQ(*parse_server("192.0.2.1:45010"), (ServerAddress{"192.0.2.1", packet::Address::parse("192.0.2.1"), 45010}));
  EXPECT_EQ(*parse_server("[2001:DB8:0::1]:1"),
            (ServerAddress{"2001:db8::1", packet::Address::parse("2001:db8::1"), 1}));
  EXPECT_EQ(*parse_server("VPS.Example.net:443"), (ServerAddress{"vps.example.net", std::nullopt, 443}));
  for (const char* text : {"192.0.2.1:45010", "[2001:db8::1]:1", "vps.example.net:45010", "vps:1"}) {
    EXPECT_EQ(parse_server(text)->to_string(), text);
  }
  const std::string example = ", such as vps.example.net:45010, 192.0.2.1:45010 or [2001:db8::1]:45010";
  const std::pair<const char*, std::string> bad[] = {
      {"192.0.2.1", "\"192.0.2.1\" has no port (did you mean 192.0.2.1:45010?)"},
      {"2001:db8::1", "\"2001:db8::1\" has no port (did you mean [2001:db8::1]:45010?)"},
      {"2001:db8:0:0:0:0:0:1:443",
       "an IPv6 address with a port needs brackets (did you mean [2001:db8:0:0:0:0:0:1]:443?)"},
      {"192.0.2.1:0", "port \"0\" is out of range (1 to 65535)"},
      {"192.0.2.1:65536", "port \"65536\" is out of range (1 to 65535)"},
      {"192.0.2.1:99999999999999999999", "port \"99999999999999999999\" is out of range (1 to 65535)"},
      {"192.0.2.1:https", "\"192.0.2.1:https\" is no HOST:PORT" + example},
      {"https://vps.example.net:45010", "\"https://vps.example.net:45010\" is no HOST:PORT" + example},
      {"[vps.example.net]:45010", "\"[vps.example.net]:45010\" is no HOST:PORT" + example},
      {"[192.0.2.1]:45010", "\"[192.0.2.1]:45010\" is no HOST:PORT" + example},
      {":45010", "\":45010\" is no HOST:PORT" + example},
      {"192.0.2:45010", "\"192.0.2\" is neither an IP address nor a host name"},
      {"vps_1:45010", "\"vps_1\" is neither an IP address nor a host name"},
      {"vps", "\"vps\" has no port (did you mean vps:45010?)"},
      {"vps.example.net", "\"vps.example.net\" has no port (did you mean vps.example.net:45010?)"},
      {"0.0.0.0:45010", "\"0.0.0.0\" is no address to send to"},
      {"224.0.0.1:45010", "\"224.0.0.1\" is a multicast address"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(wrong(parse_server(text)), error);
}

TEST(Values, WhereToListenIsAnAddress) {
  EXPECT_EQ(parse_listen("[::]:45010")->to_string(), "[::]:45010");
  EXPECT_EQ(parse_listen("0.0.0.0:45010")->to_string(), "0.0.0.0:45010");
  const std::string example = ", such as 0.0.0.0:45010 or [::]:45010";
  const std::pair<const char*, std::string> bad[] = {
      {"vps.example.net:45010",
       "\"vps.example.net\" is a name; here an address of this machine must stand, such as 0.0.0.0 or [::] for all"},
      {"0.0.0.0", "\"0.0.0.0\" has no port (did you mean 0.0.0.0:45010?)"},
      {"45010", "\"45010\" is no ADDRESS:PORT" + example},
      {"192.0.2:45010", "\"192.0.2:45010\" is no ADDRESS:PORT" + example},
      {":::45010", "an IPv6 address with a port needs brackets (did you mean [::]:45010?)"},
      {"[ff02::1]:45010", "\"ff02::1\" is a multicast address"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(wrong(parse_listen(text)), error);
}

TEST(Values, AHostNameIsThatOfRfc1123) {
  const std::string label(63, 'a');
  for (const std::string& good : {std::string("vps"), std::string("a.b"), std::string("3com.com"), "1.2.3." + label,
                                  std::string("xn--bcher-kva.example"), std::string("a-1.b-2")}) {
    EXPECT_TRUE(is_host_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"), std::string("-a"),
        std::string("a-.b"), std::string("a b"), std::string("a_b"), std::string("b\xc3\xbc"), std::string("1.2.3.4"),
        std::string("a.1"), std::string("1"), label + "a", label + "." + label + "." + label + "." + label}) {
    EXPECT_FALSE(is_host_name(bad)) << bad;
  }
}

TEST(Values, ADnsServerIsElsewhere) {
  EXPECT_EQ(parse_name_server("192.0.2.53")->to_string(), "192.0.2.53");
  EXPECT_EQ(parse_name_server("2001:db8::53")->to_string(), "2001:db8::53");
  for (const std::string bad : {"127.0.0.53", "::1", "0.0.0.0", "::", "224.0.0.251", "fe80::1", "169.254.1.1"}) {
    EXPECT_EQ(wrong(parse_name_server(bad)),
              "\"" + bad + "\" is no address at which a DNS server can be asked from elsewhere");
  }
  EXPECT_EQ(wrong(parse_name_server("dns.example.net")), "\"dns.example.net\" is no IP address");
  EXPECT_EQ(parse_handed_out_dns("resolved"), HandedOutDns::resolved);
  EXPECT_EQ(parse_handed_out_dns("off"), HandedOutDns::ignored);
  EXPECT_EQ(wrong(parse_handed_out_dns("resolvd")),
            "\"resolvd\" is none of off, resolved (did you mean \"resolved\"?)");
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
