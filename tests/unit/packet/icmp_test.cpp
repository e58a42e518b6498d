#include "packet/icmp.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::Packet;

const Address ipv4_reporter = *Address::parse("10.200.15.1");
const Address ipv6_reporter = *Address::parse("fd00::ffff");

Packet answer(const Pieces& offending, const Address& reporter, std::size_t mtu) {
  Packet out(icmp_error_size_max, 0xcc);
  out.resize(write_packet_too_big(out, offending, reporter, mtu));
  return out;
}

Packet answer(const Packet& offending) {
  const bool is_ipv6 = !offending.empty() && offending[0] >> 4 == 6;
  return answer({offending, {}}, is_ipv6 ? ipv6_reporter : ipv4_reporter, 1300);
}

TEST(PacketTooBig, Ipv4IsFragmentationNeeded) {
  const Packet offending = bytes(
      "45 00 0024 1000 4000 40 11 1601 0a000001 0a0000c8"
      "1388 1770 0010 beef 0102030405060708");
  EXPECT_EQ(answer(offending), sample::concatenation({bytes("45 c0 0040 0000 4000 40 01 1634"  // 64 bytes, DF, ICMP
                                                            "0ac80f01 0a000001"                // to the sender
                                                            "03 04 fddb 0000 0514"),           // next-hop MTU 1300
                                                      offending}));
}

TEST(PacketTooBig, Ipv6IsPacketTooBig) {
  const Packet offending = bytes(
      "60000000 0009 11 40 fd000000000000000000000000000001 fd0000000000000000000000000000c8"
      "1388 1770 0009 beef aa");
  EXPECT_EQ(answer(offending),
            sample::concatenation({bytes("60000000 0039 3a 40"  // 57 bytes of ICMPv6
                                         "fd00000000000000000000000000ffff fd000000000000000000000000000001"
                                         "02 00 fe6f 00000514"),  // MTU 1300
                                   offending}));
}

TEST(PacketTooBig, QuotesAsMuchAsTheRfcsAllow) {
  for (const bool is_ipv6 : {false, true}) {
    const Packet offending = packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(1472)});
    const Packet reply = answer(offending);
    ASSERT_EQ(reply.size(), is_ipv6 ? 1280u : 576u);
    const auto view = IpView::parse(reply);
    ASSERT_TRUE(view);
    EXPECT_EQ(is_ipv6 ? sample::naive_transport_sum(reply, *view) : sample::naive_sum(view->transport()), 0xffff);
    const Bytes quote = view->transport().subspan(8);
    EXPECT_TRUE(std::equal(quote.begin(), quote.end(), offending.begin()));
  }
}

TEST(PacketTooBig, IsTheSameForAPacketInTwoPieces) {
  for (const bool is_ipv6 : {false, true}) {
    const Packet whole = packet_of(sample::Tcp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(1460)});
    for (const std::size_t cut : {std::size_t{1}, std::size_t{20}, std::size_t{60}, std::size_t{1300}, whole.size()}) {
      const Pieces pieces{Bytes(whole).first(cut), Bytes(whole).subspan(cut)};
      EXPECT_EQ(answer(pieces, is_ipv6 ? ipv6_reporter : ipv4_reporter, 1300), answer(whole)) << "cut at " << cut;
    }
  }
}

TEST(PacketTooBig, AnswersEchoAndFirstFragments) {
  EXPECT_FALSE(answer(sample::with_ip({}, protocol::icmp, bytes("0800 f7ff 0000 0000"))).empty());
  EXPECT_FALSE(answer(sample::with_ip({.is_ipv6 = true}, protocol::icmpv6, bytes("8000 0000 0000 0000"))).empty());
  EXPECT_FALSE(answer(sample::with_ip({.fragment = 0x2000}, protocol::udp, Packet(100))).empty());
}

TEST(PacketTooBig, AnswersIpv6MulticastButNotIpv4Multicast) {
  Packet ipv6 = packet_of(sample::Udp{.ip = {.is_ipv6 = true}});
  ipv6[24] = 0xff;
  EXPECT_FALSE(answer(ipv6).empty());
  Packet ipv4 = packet_of(sample::Udp{});
  ipv4[16] = 224;
  EXPECT_TRUE(answer(ipv4).empty());
}

Packet unreachable(const Packet& offending, Unreachable why = Unreachable::no_route) {
  const bool is_ipv6 = !offending.empty() && offending[0] >> 4 == 6;
  Packet out(icmp_error_size_max, 0xcc);
  out.resize(write_unreachable(out, {offending, {}}, is_ipv6 ? ipv6_reporter : ipv4_reporter, why));
  return out;
}

TEST(Unreachable, HasTheTypesAndCodesOfTheRfcs) {
  struct Case {
    Unreachable why;
    Packet ipv4;
    Packet ipv6;
  };
  const Case cases[] = {
      {Unreachable::no_route, {3, 0}, {1, 0}},
      {Unreachable::no_host, {3, 1}, {1, 3}},
      {Unreachable::prohibited, {3, 13}, {1, 1}},
      {Unreachable::foreign_source, {3, 13}, {1, 5}},
  };
  for (const auto& [why, ipv4, ipv6] : cases) {
    for (const bool is_ipv6 : {false, true}) {
      const Packet offending = packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(1472)});
      const Packet reply = unreachable(offending, why);
      ASSERT_EQ(reply.size(), is_ipv6 ? 1280u : 576u);
      const auto view = IpView::parse(reply);
      ASSERT_TRUE(view);
      EXPECT_EQ(view->source(), is_ipv6 ? ipv6_reporter : ipv4_reporter);
      EXPECT_EQ(view->destination(), IpView::parse(offending)->source());
      EXPECT_EQ(view->protocol(), is_ipv6 ? protocol::icmpv6 : protocol::icmp);
      const Bytes icmp = view->transport();
      EXPECT_EQ(Packet(icmp.begin(), icmp.begin() + 2), is_ipv6 ? ipv6 : ipv4);
      EXPECT_EQ(is_ipv6 ? sample::naive_transport_sum(reply, *view) : sample::naive_sum(icmp), 0xffff);
      EXPECT_EQ(load_be32(&icmp[4]), 0u) << "unused";
      EXPECT_TRUE(std::equal(icmp.begin() + 8, icmp.end(), offending.begin()));
    }
  }
}

TEST(Unreachable, IsSilentAboutIpv6MulticastToo) {
  Packet ipv6 = packet_of(sample::Udp{.ip = {.is_ipv6 = true}});
  ipv6[24] = 0xff;
  EXPECT_TRUE(unreachable(ipv6).empty());
  EXPECT_FALSE(answer(ipv6).empty()) << "unlike Packet Too Big";
}

TEST(IcmpErrors, AreNotSentWhereTheRfcsWantSilence) {
  const auto from = [](Packet packet, const char* source) {
    const auto address = Address::parse(source);
    std::ranges::copy(address->bytes(), packet.begin() + (address->is_ipv4() ? 12 : 8));
    return packet;
  };
  const auto to = [](Packet packet, const char* destination) {
    const auto address = Address::parse(destination);
    std::ranges::copy(address->bytes(), packet.begin() + (address->is_ipv4() ? 16 : 24));
    return packet;
  };
  const Packet ipv4 = packet_of(sample::Udp{});
  const Packet ipv6 = packet_of(sample::Udp{.ip = {.is_ipv6 = true}});
  // Behind a fragment header with an offset of 8 bytes.
  const Packet later6 = sample::concatenation({bytes("11 00 0008 12345678"), Packet(100)});
  struct Case {
    const char* what;
    Packet packet;
  };
  std::vector<Case> cases{
      {"nothing", {}},
      {"no IP packet", Packet(100, 0xff)},
      {"1812 4.3.2.7: later fragment", sample::with_ip({.fragment = 0x0001}, protocol::udp, Packet(100))},
      {"1122 3.2.2: later IPv6 fragment", sample::with_ip({.is_ipv6 = true}, 44, later6)},
      {"ICMP cut before its type", sample::with_ip({}, protocol::icmp, {})},
      {"4443 2.4(e.1): error", sample::with_ip({.is_ipv6 = true}, protocol::icmpv6, bytes("0100 0000 0000 0000"))},
      {"4443 2.4(e.1): unknown error",
       sample::with_ip({.is_ipv6 = true}, protocol::icmpv6, bytes("7f00 0000 0000 0000"))},
      {"4443 2.4(e.2): redirect", sample::with_ip({.is_ipv6 = true}, protocol::icmpv6, bytes("8900 0000 0000 0000"))},
      {"1812 4.3.2.7: to broadcast", to(ipv4, "255.255.255.255")},
      {"1812 4.3.2.7: to multicast", to(ipv4, "224.0.0.1")},
      {"1812 4.3.2.7: from 0.0.0.0", from(ipv4, "0.0.0.0")},
      {"1812 4.3.2.7: from this network", from(ipv4, "0.1.2.3")},
      {"1812 4.3.2.7: from loopback", from(ipv4, "127.0.0.1")},
      {"1812 4.3.2.7: from multicast", from(ipv4, "224.0.0.1")},
      {"1812 4.3.2.7: from broadcast", from(ipv4, "255.255.255.255")},
      {"1812 4.3.2.7: from class E", from(ipv4, "240.0.0.1")},
      {"4443 2.4(e.6): from ::", from(ipv6, "::")},
      {"4443 2.4(e.6): from ::1", from(ipv6, "::1")},
      {"4443 2.4(e.6): from multicast", from(ipv6, "ff02::1")},
  };
  for (const std::uint8_t type : Packet{3, 4, 5, 11, 12}) {
    cases.push_back({"1812 4.3.2.7: ICMP error", sample::with_ip({}, protocol::icmp, {type, 0, 0, 0, 0, 0, 0, 0})});
  }
  for (const Case& c : cases) {
    EXPECT_TRUE(answer(c.packet).empty()) << c.what;
    EXPECT_TRUE(unreachable(c.packet).empty()) << c.what;
  }
  EXPECT_TRUE(answer({ipv6, {}}, ipv4_reporter, 1300).empty()) << "no address of ours in the packet's family";
  EXPECT_FALSE(unreachable(ipv4).empty());
  EXPECT_FALSE(unreachable(ipv6).empty());
}

}  // namespace
}  // namespace mpquic::packet
