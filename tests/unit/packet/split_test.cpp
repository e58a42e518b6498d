#include "packet/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::drain;
using sample::Packet;
using sample::SuperPacket;

constexpr std::size_t any_size = 65'535;

std::vector<Packet> split(SuperPacket& given, std::size_t max_packet = any_size) {
  auto splitter = Splitter::begin(given.virtio, given.packet);
  if (!splitter) return {};
  bool promises_kept = false;
  auto packets = drain(*std::move(splitter), max_packet, &promises_kept);
  EXPECT_TRUE(promises_kept) << "next_size() is the size of next(), bytes_left() never grows";
  for (const Packet& packet : packets) EXPECT_TRUE(sample::is_sound(packet));
  return packets;
}

Drop refusal(const VirtioHeader& virtio, Packet packet) {
  const auto splitter = Splitter::begin(virtio, packet);
  return splitter ? Drop::count_ : splitter.error();
}

TEST(Splitter, HandsOnAPlainPacketAsItIs) {
  SuperPacket plain{{}, packet_of(sample::Tcp{.payload = sample::payload_of(100)})};
  const Packet before = plain.packet;
  auto splitter = Splitter::begin(plain.virtio, plain.packet);
  ASSERT_TRUE(splitter);
  EXPECT_EQ(splitter->bytes_left(), before.size());
  EXPECT_EQ(splitter->next_size(50), before.size()) << "its size is what it is";
  const Pieces pieces = splitter->next(50);
  EXPECT_EQ(pieces.head.data(), plain.packet.data()) << "not copied";
  EXPECT_EQ(plain.packet, before);
  EXPECT_TRUE(splitter->empty());
}

TEST(Splitter, CompletesTheChecksumOfAPlainPacket) {
  for (const bool is_ipv6 : {false, true}) {
    for (const Packet& whole :
         {packet_of(sample::Tcp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(99)}),
          packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(99)})}) {
      SuperPacket open = sample::super_packet(whole, 0);
      open.virtio.gso_type = VirtioHeader::gso_none;
      EXPECT_EQ(split(open), std::vector<Packet>{whole});
    }
  }
}

TEST(Splitter, WritesAUdpChecksumOfZeroAsAllOnes) {
  Packet packet = packet_of(sample::Udp{.payload = {0, 0}});
  const auto view = IpView::parse(packet);
  const std::uint16_t last_word = load_be16(view->transport().data() + 6);  // makes the sum of the rest all ones
  store_be16(&packet[28], last_word);
  for (const bool is_super : {false, true}) {
    SuperPacket open = sample::super_packet(packet, 2);
    if (!is_super) open.virtio.gso_type = VirtioHeader::gso_none;
    const auto packets = split(open);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(load_be16(&packets[0][26]), 0xffff);
  }
}

TEST(Splitter, CutsATcpSuperPacket) {
  SuperPacket given{{.flags = VirtioHeader::needs_checksum,
                     .gso_type = VirtioHeader::gso_tcp4,
                     .header_size = 9999,  // lies
                     .gso_size = 4,
                     .checksum_start = 20,
                     .checksum_offset = 16},
                    bytes("45 00 0032 fffe 4000 40 06 26c5 0a000001 0a000002"  // 50 bytes, id fffe, DF, TTL 64, TCP
                          "9c40 01bb fffffffc 00000007 50 19 01f4 1427 0000"   // PSH FIN ACK, sum of pseudo-header
                          "61626364 65666768 696a")};
  const std::array expected{bytes("45 00 002c fffe 4000 40 06 26cb 0a000001 0a000002"
                                  "9c40 01bb fffffffc 00000007 50 10 01f4 3714 0000 61626364"),
                            bytes("45 00 002c ffff 4000 40 06 26ca 0a000001 0a000002"
                                  "9c40 01bb 00000000 00000007 50 10 01f4 2f09 0000 65666768"),
                            bytes("45 00 002a 0000 4000 40 06 26cc 0a000001 0a000002"  // id and sequence wrap
                                  "9c40 01bb 00000004 00000007 50 19 01f4 9262 0000 696a")};
  const auto packets = split(given);
  ASSERT_EQ(packets.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(packets[i], expected[i]) << "segment " << i;
}

TEST(Splitter, GivesBackTheSegmentsOfWhichASuperPacketIsMade) {
  const Packet payload = sample::payload_of(10'000);
  for (const bool is_ipv6 : {false, true}) {
    for (const std::size_t options : {0u, 12u, 40u}) {
      for (const std::size_t mss : {1u, 536u, 1399u, 1400u, 9'999u, 10'000u, 20'000u}) {
        sample::Tcp tcp{.ip = {.is_ipv6 = is_ipv6, .traffic_class = 3, .id = 0xfff0, .flow_label = 0xabcde},
                        .sequence = 0xfffff000,
                        .flags = tcp::ack | tcp::psh,
                        .options = Packet(options, 1),
                        .payload = payload};
        SuperPacket given = sample::super_packet(packet_of(tcp), static_cast<std::uint16_t>(mss));
        std::vector<Packet> expected;
        for (std::size_t at = 0; at < payload.size(); at += mss) {
          const std::size_t size = std::min(mss, payload.size() - at);
          tcp.payload.assign(payload.begin() + static_cast<long>(at), payload.begin() + static_cast<long>(at + size));
          tcp.flags = at + size == payload.size() ? tcp::ack | tcp::psh : tcp::ack;
          expected.push_back(packet_of(tcp));
          tcp.sequence += static_cast<std::uint32_t>(size);
          ++tcp.ip.id;
        }
        EXPECT_EQ(split(given), expected) << "IPv6 " << is_ipv6 << " options " << options << " mss " << mss;
      }
    }
  }
}

TEST(Splitter, CutsAUdpSuperPacketIntoDatagrams) {
  const Packet payload = sample::payload_of(3'000);
  for (const bool is_ipv6 : {false, true}) {
    SuperPacket given =
        sample::super_packet(packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = payload}), 1200);
    std::vector<Packet> expected;
    for (std::uint16_t i = 0; i < 3; ++i) {
      const auto from = payload.begin() + i * 1200;
      sample::Udp udp{.ip = {.is_ipv6 = is_ipv6, .id = static_cast<std::uint16_t>(0x1000 + i)}};
      udp.payload.assign(from, i < 2 ? from + 1200 : payload.end());
      expected.push_back(packet_of(udp));
    }
    EXPECT_EQ(split(given, 1000), expected) << "a datagram keeps its size whatever fits";
  }
}

TEST(Splitter, CutsTcpSmallerThanTheKernelAskedWhereLessFits) {
  SuperPacket given = sample::super_packet(packet_of(sample::Tcp{.payload = sample::payload_of(5'000)}), 1400);
  const auto packets = split(given, 1000);
  ASSERT_EQ(packets.size(), 6u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(packets[i].size(), 1000u);
  EXPECT_EQ(packets[5].size(), 40u + 5'000 - 5 * 960);
}

TEST(Splitter, KeepsTheSizeWhereNotEvenTheHeadersFit) {
  SuperPacket given = sample::super_packet(packet_of(sample::Tcp{.payload = sample::payload_of(2'800)}), 1400);
  EXPECT_EQ(split(given, 40).size(), 2u);
}

TEST(Splitter, CountsTheHeadersStillToCome) {
  SuperPacket given = sample::super_packet(packet_of(sample::Tcp{.payload = sample::payload_of(3'000)}), 1400);
  auto splitter = Splitter::begin(given.virtio, given.packet);
  EXPECT_EQ(splitter->bytes_left(), 3'000u + 3 * 40);
  splitter->next(any_size);
  EXPECT_EQ(splitter->bytes_left(), 1'600u + 2 * 40);
}

TEST(Splitter, HandlesASuperPacketWithoutPayload) {
  SuperPacket given = sample::super_packet(packet_of(sample::Tcp{}), 1400);
  EXPECT_EQ(split(given), std::vector<Packet>{packet_of(sample::Tcp{})});
}

TEST(Splitter, LeavesCongestionWindowReducedToTheFirstSegment) {
  const Packet whole = packet_of(sample::Tcp{.flags = tcp::ack | tcp::cwr, .payload = sample::payload_of(3'000)});
  for (const bool once : {true, false}) {
    SuperPacket given = sample::super_packet(whole, 1000);
    if (once) given.virtio.gso_type |= VirtioHeader::gso_ecn;
    const auto packets = split(given);
    ASSERT_EQ(packets.size(), 3u);
    EXPECT_EQ(packets[0][33], tcp::ack | tcp::cwr);
    EXPECT_EQ(packets[1][33], once ? tcp::ack : tcp::ack | tcp::cwr);
    EXPECT_EQ(packets[2][33], once ? tcp::ack : tcp::ack | tcp::cwr);
  }
}

TEST(Splitter, MarksCongestionInThePacketsStillToCome) {
  for (const bool is_ipv6 : {false, true}) {
    const sample::Ip capable{.is_ipv6 = is_ipv6, .traffic_class = 0xa2};  // ECT(0)
    SuperPacket given =
        sample::super_packet(packet_of(sample::Tcp{.ip = capable, .payload = sample::payload_of(20)}), 10);
    auto splitter = Splitter::begin(given.virtio, given.packet);
    const auto first = splitter->next(any_size);
    const Packet unmarked = sample::concatenation({first.head, first.rest});
    EXPECT_TRUE(splitter->mark_congestion());
    EXPECT_TRUE(splitter->mark_congestion()) << "a second time";
    const auto second = splitter->next(any_size);
    const Packet marked = sample::concatenation({second.head, second.rest});
    const auto traffic_class = [](const Packet& p) { return p[0] >> 4 == 4 ? p[1] : load_be16(p.data()) >> 4 & 0xff; };
    EXPECT_EQ(traffic_class(unmarked), 0xa2);
    EXPECT_EQ(traffic_class(marked), 0xa3);
    EXPECT_TRUE(sample::is_sound(marked));

    Packet plain = packet_of(sample::Tcp{.ip = capable});
    splitter = Splitter::begin({}, plain);
    EXPECT_TRUE(splitter->mark_congestion());
    EXPECT_EQ(traffic_class(plain), 0xa3);
    EXPECT_TRUE(sample::is_sound(plain));
  }
}

TEST(Splitter, MarksNothingThatIsNotEcnCapable) {
  for (const bool is_ipv6 : {false, true}) {
    const Packet whole = packet_of(sample::Tcp{.ip = {.is_ipv6 = is_ipv6, .traffic_class = 0xa0}, .payload = {1, 2}});
    SuperPacket given = sample::super_packet(whole, 1);
    EXPECT_FALSE(Splitter::begin(given.virtio, given.packet)->mark_congestion());
    Packet plain = whole;
    EXPECT_FALSE(Splitter::begin({}, plain)->mark_congestion());
    EXPECT_EQ(plain, whole);
  }
}

TEST(Splitter, TakesTheSumOfThePseudoHeaderFromTheKernel) {
  // Behind an IPv6 routing header the pseudo-header has the final destination (RFC 8200 8.1), which only the sender of
  // the packet needs to know.
  const Packet final_destination = bytes("fd0000000000000000000000000000ff");
  Packet packet = packet_of(sample::Tcp{.ip = {.is_ipv6 = true}, .payload = sample::payload_of(2'000)});
  const Packet direct = sample::concatenation({Bytes(packet).first(24), final_destination, Bytes(packet).subspan(40)});
  const SuperPacket direct_super = sample::super_packet(direct, 1000);
  const Packet routing = sample::concatenation({bytes("06 02 04 01 00 00 0000"), final_destination});
  packet = sample::concatenation({Bytes(packet).first(40), routing, Bytes(direct_super.packet).subspan(40)});
  packet[6] = 43;
  store_be16(&packet[4], static_cast<std::uint16_t>(packet.size() - 40));

  VirtioHeader virtio = direct_super.virtio;
  virtio.checksum_start = 64;
  auto splitter = Splitter::begin(virtio, packet);
  ASSERT_TRUE(splitter);
  const auto segments = drain(*std::move(splitter), any_size);
  ASSERT_EQ(segments.size(), 2u);
  for (const Packet& segment : segments) {
    Packet unrouted = sample::concatenation({Bytes(segment).first(24), final_destination, Bytes(segment).subspan(64)});
    unrouted[6] = protocol::tcp;
    store_be16(&unrouted[4], static_cast<std::uint16_t>(unrouted.size() - 40));
    EXPECT_TRUE(sample::is_sound(unrouted));
  }
}

TEST(Splitter, RefusesWhatIsNoIpPacket) {
  EXPECT_EQ(refusal({}, {}), Drop::malformed);
  EXPECT_EQ(refusal({}, bytes("45000014")), Drop::malformed);
  EXPECT_EQ(refusal({.gso_type = VirtioHeader::gso_tcp4}, Packet(60, 0)), Drop::malformed);
}

TEST(Splitter, RefusesAVirtioHeaderThatContradictsThePacket) {
  const Packet tcp4 = packet_of(sample::Tcp{.payload = sample::payload_of(100)});
  const Packet tcp6 = packet_of(sample::Tcp{.ip = {.is_ipv6 = true}, .payload = sample::payload_of(100)});
  const Packet udp4 = packet_of(sample::Udp{.payload = sample::payload_of(100)});
  const VirtioHeader good = sample::super_packet(tcp4, 50).virtio;
  ASSERT_EQ(refusal(good, tcp4), Drop::count_);
  struct Case {
    const char* what;
    VirtioHeader virtio;
    Packet packet;
  };
  const auto changed = [](VirtioHeader header, auto field, auto value) {
    header.*field = static_cast<std::remove_reference_t<decltype(header.*field)>>(value);
    return header;
  };
  const auto changed_packet = [](Packet packet, std::size_t at, std::uint8_t value) {
    packet[at] = value;
    return packet;
  };
  const VirtioHeader plain = changed(good, &VirtioHeader::gso_type, VirtioHeader::gso_none);
  const Packet cut = sample::with_ip({}, protocol::tcp, sample::payload_of(19));
  const Packet cut_udp = sample::with_ip({}, protocol::udp, sample::payload_of(7));
  const std::array cases{
      Case{"gso_size 0", changed(good, &VirtioHeader::gso_size, 0), tcp4},
      Case{"unknown type", changed(good, &VirtioHeader::gso_type, 3), tcp4},
      Case{"only the ECN bit", changed(good, &VirtioHeader::gso_type, VirtioHeader::gso_ecn), tcp4},
      Case{"IPv4 type, IPv6 packet", changed(good, &VirtioHeader::checksum_start, 40), tcp6},
      Case{"IPv6 type, IPv4 packet", changed(good, &VirtioHeader::gso_type, VirtioHeader::gso_tcp6), tcp4},
      Case{"TCP type, UDP packet", good, udp4},
      Case{"UDP type, TCP packet", changed(good, &VirtioHeader::gso_type, VirtioHeader::gso_udp), tcp4},
      Case{"a fragment", good, changed_packet(tcp4, 6, 0x20)},
      Case{"checksum complete", changed(good, &VirtioHeader::flags, 0), tcp4},
      Case{"checksum not of TCP", changed(good, &VirtioHeader::checksum_start, 21), tcp4},
      Case{"checksum elsewhere", changed(good, &VirtioHeader::checksum_offset, 6), tcp4},
      Case{"TCP header of 16 bytes", good, changed_packet(tcp4, 32, 0x40)},
      Case{"TCP header beyond the packet", good, changed_packet(packet_of(sample::Tcp{}), 32, 0x60)},
      Case{"TCP header cut", good, cut},
      Case{"UDP header cut", sample::super_packet(udp4, 9).virtio, cut_udp},
      Case{"plain: checksum beyond the packet", changed(plain, &VirtioHeader::checksum_offset, 119), tcp4},
      Case{"plain: far beyond the packet",
           changed(changed(plain, &VirtioHeader::checksum_start, 65'535), &VirtioHeader::checksum_offset, 65'535),
           tcp4},
      Case{"plain: checksum in the IP header", changed(plain, &VirtioHeader::checksum_start, 4), tcp4},
  };
  for (const Case& c : cases) EXPECT_EQ(refusal(c.virtio, c.packet), Drop::tun_read) << c.what;
}

TEST(Splitter, RefusesHeadersThatAreTooLongToRewrite) {
  std::string options = "06 1f 0104" + std::string(2 * 252, '0');  // 256 bytes of destination options
  Packet packet = packet_of(sample::Tcp{.ip = {.is_ipv6 = true}, .payload = sample::payload_of(100)});
  packet = sample::concatenation({Bytes(packet).first(40), bytes(options), Bytes(packet).subspan(40)});
  packet[6] = 60;
  store_be16(&packet[4], static_cast<std::uint16_t>(packet.size() - 40));
  const SuperPacket given = sample::super_packet(packet, 50);
  EXPECT_EQ(refusal(given.virtio, given.packet), Drop::tun_read);
}

}  // namespace
}  // namespace mpquic::packet
