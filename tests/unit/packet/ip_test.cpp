#include "packet/ip.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::Packet;

constexpr const char* ipv6_addresses = "fd000000000000000000000000000001 fd000000000000000000000000000002";

Packet ipv6(const std::string& fixed, const std::string& rest) { return bytes(fixed + ipv6_addresses + rest); }

TEST(IpView, ReadsIpv4WithOptions) {
  const Packet packet = bytes(
      "46 00 0020 0001 4000 40 11 0000"  // 24 bytes of header, 32 in all, UDP
      "0a000001 0a000002"                // 10.0.0.1 to 10.0.0.2
      "94040000"                         // option: router alert
      "1388 1770 0008 0000");            // UDP
  const auto view = IpView::parse(packet);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->is_ipv4());
  EXPECT_TRUE(view->has_options());
  EXPECT_EQ(view->header_size(), 24u);
  EXPECT_EQ(view->protocol(), protocol::udp);
  EXPECT_EQ(view->transport().size(), 8u);
  EXPECT_FALSE(view->is_fragment());
  EXPECT_EQ(view->source().to_string(), "10.0.0.1");
  EXPECT_EQ(view->destination().to_string(), "10.0.0.2");
}

TEST(IpView, WalksIpv6ExtensionHeadersToTheTransport) {
  const Packet packet = ipv6("60000000 0038 00 40",                   // then hop-by-hop
                             "2b 00 0502 0000 0100"                   // then routing
                             "3c 00 00 00 00000000"                   // then destination options
                             "33 01 0104 00000000 0000000000000000"   // then authentication
                             "06 02 0000 00000001 00000001 00000000"  // 16 bytes; then TCP
                             "0001020304050607");                     // (of a TCP segment)
  const auto view = IpView::parse(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->protocol(), protocol::tcp);
  EXPECT_EQ(view->header_size(), 40u + 8 + 8 + 16 + 16);
  EXPECT_TRUE(view->has_options());
  EXPECT_EQ(view->source().to_string(), "fd00::1");
  EXPECT_EQ(view->destination().to_string(), "fd00::2");
}

TEST(IpView, TellsFragmentsApart) {
  struct Case {
    const char* what;
    Packet packet;
    bool is_fragment;
    bool is_later;
  };
  const auto ipv4 = [](const char* flags) {
    return bytes(std::string("4500 001c 0001") + flags + "40 11 0000 0a000001 0a000002 1388 1770 0008 0000");
  };
  const auto with_fragment_header = [](const char* offset) {
    return ipv6("60000000 0010 2c 40", std::string("11 00") + offset + "00000001 1388 1770 0008 0000");
  };
  for (const Case& c : std::array<Case, 6>{{{"whole", ipv4("4000"), false, false},
                                            {"first", ipv4("2000"), true, false},
                                            {"last", ipv4("0001"), true, true},
                                            {"IPv6 atomic", with_fragment_header("0000"), false, false},
                                            {"IPv6 first", with_fragment_header("0001"), true, false},
                                            {"IPv6 last", with_fragment_header("0008"), true, true}}}) {
    const auto view = IpView::parse(c.packet);
    ASSERT_TRUE(view) << c.what;
    EXPECT_EQ(view->is_fragment(), c.is_fragment) << c.what;
    EXPECT_EQ(view->is_later_fragment(), c.is_later) << c.what;
    EXPECT_EQ(view->protocol(), protocol::udp) << c.what;
  }
}

TEST(IpView, RefusesWhatIsNoWholePacket) {
  const std::string good4 = "4500 0014 0001 4000 40 fd 0000 0a000001 0a000002";
  ASSERT_TRUE(IpView::parse(bytes(good4)));
  struct Case {
    const char* what;
    Packet packet;
  };
  const std::array cases{
      Case{"nothing", {}},
      Case{"version 5", bytes("5500 0014 0001 4000 40 fd 0000 0a000001 0a000002")},
      Case{"19 bytes", bytes("4500 0013 0001 4000 40 fd 0000 0a000001 0a0000")},
      Case{"header of 16 bytes", bytes("4400 0014 0001 4000 40 fd 0000 0a000001 0a000002")},
      Case{"header longer than the packet", bytes("4600 0014 0001 4000 40 fd 0000 0a000001 0a000002")},
      Case{"total length over", bytes("4500 0015 0001 4000 40 fd 0000 0a000001 0a000002")},
      Case{"total length under", bytes("4500 0014 0001 4000 40 fd 0000 0a000001 0a000002 00")},
      Case{"IPv6 of 39 bytes",
           bytes("60000000 0000 3b 40 fd000000000000000000000000000001 fd0000000000000000000000000000")},
      Case{"IPv6 length over", ipv6("60000000 0001 3b 40", "")},
      Case{"jumbogram", ipv6("60000000 0000 00 40", "3b 00 c204 00010000")},
      Case{"extension header cut", ipv6("60000000 0007 00 40", "3b 00 0000 000000")},
      Case{"extension header beyond the packet", ipv6("60000000 0008 00 40", "3b 01 0000 00000000")},
  };
  for (const Case& c : cases) EXPECT_FALSE(IpView::parse(c.packet)) << c.what;
}

TEST(IpView, NeedsOnlyTheHeadersOfAPacketWhoseSizeIsKnown) {
  const Packet packet = sample::packet_of(sample::Udp{.payload = sample::payload_of(1000)});
  EXPECT_TRUE(IpView::parse_front(Bytes(packet).first(100), packet.size()));
  EXPECT_FALSE(IpView::parse_front(Bytes(packet).first(100), packet.size() + 1));
  EXPECT_FALSE(IpView::parse_front(Bytes(packet).first(19), packet.size()));
}

TEST(SourceOf, ReadsTheAddressesAndNothingElse) {
  for (const bool is_ipv6 : {false, true}) {
    const Packet packet = sample::packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6, .host = 9}});
    EXPECT_EQ(source_of(packet)->to_string(), is_ipv6 ? "fd00::9" : "10.0.0.9");
    EXPECT_EQ(destination_of(packet)->to_string(), is_ipv6 ? "fd00::c8" : "10.0.0.200");
    const std::size_t short_by_one = is_ipv6 ? 39 : 19;
    EXPECT_FALSE(source_of(Bytes(packet).first(short_by_one)));
    EXPECT_FALSE(destination_of(Bytes(packet).first(short_by_one)));
  }
  EXPECT_FALSE(source_of({}));
  EXPECT_FALSE(destination_of(bytes("50000000 00000000 00000000 00000000 00000000")));
}

TEST(FlowHash, DependsOnTheFiveTupleAlone) {
  for (const bool is_ipv6 : {false, true}) {
    const sample::Ip ip{.is_ipv6 = is_ipv6};
    const auto hash = flow_hash(packet_of(sample::Udp{.ip = ip}));
    const sample::Ip other_host{.is_ipv6 = is_ipv6, .host = 2};
    const sample::Ip other_rest{.is_ipv6 = is_ipv6, .traffic_class = 8, .ttl = 3, .id = 9, .flow_label = 77};
    EXPECT_NE(hash, flow_hash(packet_of(sample::Udp{.ip = other_host})));
    EXPECT_NE(hash, flow_hash(packet_of(sample::Udp{.ip = ip, .source_port = 5001})));
    EXPECT_NE(hash, flow_hash(packet_of(sample::Udp{.ip = ip, .destination_port = 6001})));
    EXPECT_NE(hash, flow_hash(packet_of(sample::Tcp{.ip = ip, .source_port = 5000, .destination_port = 6000})));
    EXPECT_EQ(hash, flow_hash(packet_of(sample::Udp{.ip = other_rest, .payload = sample::payload_of(50)})));
  }
}

TEST(FlowHash, IsTheSameForAllFragmentsOfAPacket) {
  const Packet first = packet_of(sample::Udp{.ip = {.fragment = 0x2000}, .payload = sample::payload_of(8, 1)});
  const Packet last = packet_of(sample::Udp{.ip = {.fragment = 0x0002}, .source_port = 1, .payload = {1, 2}});
  EXPECT_EQ(flow_hash(first), flow_hash(last));
}

TEST(FlowHash, SpreadsNeighbouringFlowsEvenly) {
  std::array<int, 16> low{}, high{};
  for (std::uint16_t port = 0; port < 16'000; ++port) {
    const auto hash = flow_hash(packet_of(sample::Udp{.source_port = port}));
    ++low[hash % 16];
    ++high[hash >> 28];
  }
  for (const int count : low) EXPECT_NEAR(count, 1000, 150);
  for (const int count : high) EXPECT_NEAR(count, 1000, 150);
}

TEST(FlowHash, OfGarbageIsZero) {
  EXPECT_EQ(flow_hash({}), 0u);
  EXPECT_EQ(flow_hash(bytes("450000")), 0u);
}

}  // namespace
}  // namespace mpquic::packet
