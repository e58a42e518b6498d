#include "packet/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::Frames;
using sample::Packet;

constexpr Offloads all{.tcp4 = true, .tcp6 = true, .udp = true};

Frames merge(const std::vector<Packet>& packets, Offloads offloads = all) {
  Merger merger(offloads);
  Frames frames;
  for (const Packet& packet : packets) merger.push(packet, frames);
  merger.flush(frames);
  return frames;
}

/// A TCP sender: each call gives the next segment.
struct Sender {
  sample::Tcp tcp{};

  Packet operator()(std::size_t size, std::uint8_t flags = tcp::ack) {
    tcp.payload = sample::payload_of(size, tcp.sequence);
    tcp.flags = flags;
    const Packet packet = packet_of(tcp);
    tcp.sequence += static_cast<std::uint32_t>(size);
    ++tcp.ip.id;
    return packet;
  }
};

std::vector<std::size_t> sizes(const Frames& frames) {
  std::vector<std::size_t> result;
  for (const auto& frame : frames.frames) result.push_back(frame.packet.size());
  return result;
}

TEST(Merger, MakesASuperPacketOfTcpSegments) {
  const Frames frames = merge({bytes("45 00 002c fffe 4000 40 06 26cb 0a000001 0a000002"
                                     "9c40 01bb fffffffc 00000007 50 10 01f4 3714 0000 61626364"),
                               bytes("45 00 002c ffff 4000 40 06 26ca 0a000001 0a000002"
                                     "9c40 01bb 00000000 00000007 50 10 01f4 2f09 0000 65666768"),
                               bytes("45 00 002a 0000 4000 40 06 26cc 0a000001 0a000002"
                                     "9c40 01bb 00000004 00000007 50 19 01f4 9262 0000 696a")});
  ASSERT_EQ(frames.frames.size(), 1u);
  const VirtioHeader& virtio = frames.frames[0].virtio;
  EXPECT_EQ(virtio.flags, VirtioHeader::needs_checksum);
  EXPECT_EQ(virtio.gso_type, VirtioHeader::gso_tcp4);
  EXPECT_EQ(virtio.header_size, 40);
  EXPECT_EQ(virtio.gso_size, 4);
  EXPECT_EQ(virtio.checksum_start, 20);
  EXPECT_EQ(virtio.checksum_offset, 16);
  EXPECT_EQ(frames.frames[0].packet, bytes("45 00 0032 fffe 4000 40 06 26c5 0a000001 0a000002"  // 50 bytes
                                           "9c40 01bb fffffffc 00000007 50 19 01f4 1427 0000"   // sum of pseudo-header
                                           "61626364 65666768 696a"));
}

TEST(Merger, MakesASuperPacketOfTcpOverIpv6) {
  Sender next{{.ip = {.is_ipv6 = true, .flow_label = 0x12345}, .options = Packet(12, 1)}};
  const std::vector<Packet> packets{next(1000), next(1000), next(10)};
  const Frames frames = merge(packets);
  ASSERT_EQ(sizes(frames), (std::vector<std::size_t>{72 + 2010}));
  EXPECT_EQ(frames.frames[0].virtio.gso_type, VirtioHeader::gso_tcp6);
  EXPECT_EQ(frames.frames[0].virtio.header_size, 72);
  EXPECT_EQ(frames.frames[0].virtio.checksum_start, 40);
  EXPECT_EQ(frames.split(), packets);
}

TEST(Merger, MakesASuperPacketOfEqualUdpDatagrams) {
  for (const bool is_ipv6 : {false, true}) {
    std::vector<Packet> packets;
    for (std::uint16_t i = 0; i < 4; ++i) {
      packets.push_back(packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6, .id = i, .fragment = 0},
                                              .payload = sample::payload_of(i < 3 ? 160 : 20, i)}));
    }
    const Frames frames = merge(packets);
    ASSERT_EQ(frames.frames.size(), 1u);
    EXPECT_EQ(frames.frames[0].virtio.gso_type, VirtioHeader::gso_udp);
    EXPECT_EQ(frames.frames[0].virtio.gso_size, 160);
    EXPECT_EQ(frames.frames[0].virtio.checksum_offset, 6);
    EXPECT_EQ(load_be16(&frames.frames[0].packet[is_ipv6 ? 44 : 24]), 8 + 500) << "UDP length of the whole";
    EXPECT_EQ(frames.split(), packets);
  }
}

TEST(Merger, MergesOnlyWhatIsOffloaded) {
  Sender tcp4, tcp6{{.ip = {.is_ipv6 = true}}};
  const Packet udp = packet_of(sample::Udp{.payload = sample::payload_of(100)});
  const std::vector<Packet> packets{tcp4(100), tcp4(100), tcp6(100), tcp6(100), udp, udp};
  EXPECT_EQ(merge(packets, {}).frames.size(), 6u);
  EXPECT_EQ(merge(packets, {.tcp4 = true}).frames.size(), 5u);
  EXPECT_EQ(merge(packets, {.tcp6 = true}).frames.size(), 5u);
  EXPECT_EQ(merge(packets, {.udp = true}).frames.size(), 5u);
  EXPECT_EQ(merge(packets, all).frames.size(), 3u);
}

TEST(Merger, WritesAGroupOfOneAsThePacketItWas) {
  Sender next;
  const Packet packet = next(1000);
  const Frames frames = merge({packet});
  ASSERT_EQ(frames.frames.size(), 1u);
  EXPECT_EQ(frames.frames[0].packet, packet);
  EXPECT_EQ(frames.frames[0].virtio.flags, 0);
  EXPECT_EQ(frames.frames[0].virtio.gso_type, VirtioHeader::gso_none);
}

TEST(Merger, HandsOnAtOnceWhatItCannotMerge) {
  Merger merger(all);
  Frames frames;
  Sender next;
  const Packet ack = next(0);
  const Packet pushed = next(100, tcp::ack | tcp::psh);
  const Packet ping = sample::with_ip({}, protocol::icmp, bytes("0800 f7ff 0000 0000"));
  std::size_t count = 0;
  for (const Packet& packet : {ack, pushed, ping, Packet{}, bytes("ff")}) {
    merger.push(packet, frames);
    ASSERT_EQ(frames.frames.size(), ++count);
    EXPECT_EQ(frames.frames.back().packet, packet);
  }
}

TEST(Merger, DoesNotKeepTheEndOfABurst) {
  for (const std::uint8_t flag : {tcp::psh, tcp::fin}) {
    Merger merger(all);
    Frames frames;
    Sender next;
    merger.push(next(100), frames);
    EXPECT_EQ(frames.frames.size(), 0u);
    merger.push(next(100, static_cast<std::uint8_t>(tcp::ack | flag)), frames);
    EXPECT_EQ(frames.frames.size(), 1u) << "both, glued";
    merger.push(next(100, static_cast<std::uint8_t>(tcp::ack | flag)), frames);
    EXPECT_EQ(frames.frames.size(), 2u);
  }
}

/// What happens to three segments when the middle one is changed: sizes in segments of what is written.
struct Rule {
  const char* what;
  std::function<void(Packet&)> change;
  std::vector<std::size_t> groups;
  bool repair = true;
};

std::vector<std::size_t> groups(const Frames& frames) {
  std::vector<std::size_t> result;
  for (const auto& frame : frames.frames) {
    Frames one;
    one.frames.push_back(frame);
    result.push_back(one.split().size());
  }
  return result;
}

auto set(std::size_t at, std::uint8_t value) {
  return [=](Packet& packet) { packet[at] = value; };
}

void expect_rules(const std::vector<Rule>& rules, const std::function<std::vector<Packet>()>& make) {
  for (const Rule& rule : rules) {
    std::vector<Packet> packets = make();
    rule.change(packets[1]);
    if (rule.repair) sample::repair(packets[1]);
    const Frames frames = merge(packets);
    EXPECT_EQ(groups(frames), rule.groups) << rule.what;
    EXPECT_EQ(frames.split(), packets) << rule.what;
  }
}

TEST(Merger, KeepsApartTcpSegmentsOverIpv4ThatDiffer) {
  const std::vector<std::size_t> apart{1, 1, 1}, ends_here{2, 1}, begins_here{1, 2};
  expect_rules(
      {
          {"nothing differs", [](Packet&) {}, {3}},
          {"TOS", set(1, 4), apart},
          {"may be fragmented", set(6, 0), apart},
          {"reserved flag", set(6, 0xc0), apart},
          {"fragment", set(6, 0x20), apart},
          {"TTL", set(8, 63), apart},
          {"IP checksum wrong", set(10, 0), apart, false},
          {"sequence one on", set(27, 0x4d), apart},
          {"acknowledgement number", set(31, 8), apart},
          {"reserved bit", set(32, 0x81), apart},
          {"no ACK", set(33, 0), apart},
          {"FIN", set(33, tcp::ack | tcp::fin), ends_here},
          {"SYN", set(33, tcp::ack | tcp::syn), apart},
          {"RST", set(33, tcp::ack | tcp::rst), apart},
          {"PSH", set(33, tcp::ack | tcp::psh), ends_here},
          {"URG", set(33, tcp::ack | tcp::urg), apart},
          {"ECE", set(33, tcp::ack | 0x40), apart},
          {"CWR begins a group", set(33, tcp::ack | tcp::cwr), begins_here},
          {"window", set(35, 0), apart},
          {"TCP checksum wrong", set(36, 0), apart, false},
          {"urgent pointer", set(39, 1), apart},
          {"timestamp option", set(51, 9), apart},
          {"payload corrupt", set(100, 0), apart, false},
      },
      [] {
        Sender next{{.sequence = 1000, .options = bytes("0101 080a 00000001 00000002")}};
        return std::vector<Packet>{next(100), next(100), next(100)};
      });
}

TEST(Merger, KeepsApartTcpSegmentsOverIpv6ThatDiffer) {
  const std::vector<std::size_t> apart{1, 1, 1};
  const auto hop_by_hop = [](Packet& packet) {
    packet = sample::concatenation({Bytes(packet).first(40), bytes("06 00 0104 00000000"), Bytes(packet).subspan(40)});
    packet[6] = 0;
    packet[5] = static_cast<std::uint8_t>(packet[5] + 8);
  };
  expect_rules({{"nothing differs", [](Packet&) {}, {3}},
                {"traffic class", set(1, 0x20), apart},
                {"flow label", set(3, 1), apart},
                {"hop limit", set(7, 1), apart},
                {"extension header", hop_by_hop, apart},
                {"checksum wrong", set(56, 0), apart, false}},
               [] {
                 Sender next{{.ip = {.is_ipv6 = true}}};
                 return std::vector<Packet>{next(100), next(100), next(100)};
               });
}

TEST(Merger, MayHoldBackAFlowWhileBytesThatAreNoPacketPass) {
  Sender next;
  const Packet first = next(100);
  Packet garbage = next(100);
  garbage[3] = 0;  // total length
  EXPECT_EQ(merge({first, garbage}).split(), (std::vector<Packet>{garbage, first}));
}

TEST(Merger, KeepsApartUdpDatagramsThatDiffer) {
  const std::vector<std::size_t> apart{1, 1, 1};
  const auto longer = [](Packet& packet) {
    packet.push_back(1);
    ++packet[3];
  };
  const auto shorter = [](Packet& packet) {
    packet.pop_back();
    --packet[3];
  };
  const auto shorter_inside = [](Packet& packet) {  // and the sum still right
    --packet[25];
    store_be16(&packet[26], static_cast<std::uint16_t>(load_be16(&packet[26]) + 1));
  };
  const auto no_checksum = [](Packet& packet) { packet[26] = packet[27] = 0; };
  expect_rules({{"nothing differs", [](Packet&) {}, {3}},
                {"longer", longer, {1, 2}},
                {"shorter", shorter, {2, 1}},
                {"without checksum", no_checksum, apart, false},
                {"checksum wrong", set(26, 1), apart, false},
                {"UDP length", shorter_inside, apart, false},
                {"TOS", set(1, 4), apart}},
               [] {
                 sample::Udp udp{.payload = sample::payload_of(100)};
                 const auto next = [&udp] {
                   ++udp.ip.id;
                   return packet_of(udp);
                 };
                 return std::vector<Packet>{next(), next(), next()};
               });
}

TEST(Merger, NeverMergesSegmentsThatOpenResetOrHurryEvenIfAllDo) {
  for (const int flags : {tcp::ack | tcp::syn, tcp::ack | tcp::rst, tcp::ack | tcp::urg, 0}) {
    Sender next;
    const auto flag = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(merge({next(100, flag), next(100, flag)}).frames.size(), 2u) << flags;
  }
}

TEST(Merger, NeverMergesUdpWithoutChecksumEvenIfItSumsUp) {
  Packet packet = packet_of(sample::Udp{.payload = {0, 0}});
  std::copy_n(packet.begin() + 26, 2, packet.begin() + 28);  // now the sum is right with a checksum of zero
  packet[26] = packet[27] = 0;
  ASSERT_TRUE(sample::is_sound(packet));
  EXPECT_EQ(merge({packet, packet}).frames.size(), 2u);
}

TEST(Merger, NeverMergesIpv4Options) {
  Sender next;
  std::vector<Packet> packets{next(100), next(100), next(100)};
  for (Packet& packet : packets) {
    packet = sample::concatenation({Bytes(packet).first(20), bytes("94040000"), Bytes(packet).subspan(20)});
    packet[0] = 0x46;
    packet[3] = static_cast<std::uint8_t>(packet[3] + 4);
    sample::repair(packet);
  }
  EXPECT_EQ(groups(merge(packets)), (std::vector<std::size_t>{1, 1, 1}));
}

TEST(Merger, KeepsTheIdentificationOfWhatMayBeFragmented) {
  for (const bool may_be_fragmented : {false, true}) {
    Sender next{{.ip = {.fragment = may_be_fragmented ? std::uint16_t{0} : std::uint16_t{0x4000}}}};
    std::vector<Packet> packets{next(100)};
    next.tcp.ip.id = 7;
    packets.push_back(next(100));
    EXPECT_EQ(merge(packets).frames.size(), may_be_fragmented ? 2u : 1u);
  }
}

TEST(Merger, StartsAnewWithALongerSegment) {
  Sender next;
  EXPECT_EQ(groups(merge({next(100), next(200), next(200)})), (std::vector<std::size_t>{1, 2}));
}

TEST(Merger, EndsAGroupWithAShortSegment) {
  Sender next;
  EXPECT_EQ(groups(merge({next(100), next(50), next(50), next(50)})), (std::vector<std::size_t>{2, 2}));
}

TEST(Merger, TellsCongestionWindowReducedToTheKernel) {
  Sender next;
  const std::vector<Packet> packets{next(100, tcp::ack | tcp::cwr), next(100), next(100)};
  const Frames frames = merge(packets);
  ASSERT_EQ(frames.frames.size(), 1u);
  EXPECT_EQ(frames.frames[0].virtio.gso_type, VirtioHeader::gso_tcp4 | VirtioHeader::gso_ecn);
  EXPECT_EQ(frames.split(), packets);
}

TEST(Merger, KeepsWithinSegmentsAndBytes) {
  Sender small, large;
  large.tcp.source_port = 1;
  std::vector<Packet> many, big;
  for (int i = 0; i < 65; ++i) many.push_back(small(100));
  for (int i = 0; i < 60; ++i) big.push_back(large(1400));
  EXPECT_EQ(groups(merge(many)), (std::vector<std::size_t>{64, 1}));
  EXPECT_EQ(groups(merge(big)), (std::vector<std::size_t>{46, 14})) << "46 * 1400 + 40 is the most below 65,000";
  const std::vector<Packet> huge{large(65'495), small(65'495)};
  EXPECT_EQ(merge(huge).split(), huge);
}

TEST(Merger, MergesInterleavedFlowsInParallel) {
  std::vector<Sender> flows(Merger::flows_max);
  std::vector<Packet> packets;
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < flows.size(); ++i) {
      flows[i].tcp.source_port = static_cast<std::uint16_t>(i);
      packets.push_back(flows[i](500));
    }
  }
  EXPECT_EQ(groups(merge(packets)), std::vector<std::size_t>(Merger::flows_max, 5));
}

TEST(Merger, ClosesTheFlowThatWaitedLongestWhenOneMoreComes) {
  std::vector<Packet> packets;
  Sender elephant;
  for (std::uint16_t i = 0; i < 20; ++i) {
    packets.push_back(elephant(500));
    Sender mouse{{.source_port = i}};
    packets.push_back(mouse(100));
  }
  const auto result = groups(merge(packets));
  EXPECT_EQ(std::ranges::count(result, 20u), 1) << "mice don't tear the elephant apart";
  EXPECT_EQ(result.size(), 21u);
}

TEST(Merger, KeepsTheOrderOfAFlow) {
  struct Case {
    const char* what;
    std::function<Packet(Sender&)> interruption;
  };
  const std::array cases{
      Case{"pure acknowledgement", [](Sender& next) { return next(0); }},
      Case{"RST", [](Sender& next) { return next(0, tcp::rst); }},
      Case{"fragment of the same hosts",
           [](Sender&) { return sample::with_ip({.fragment = 0x2001}, protocol::tcp, Packet(50)); }},
      Case{"retransmission", [](Sender&) { return Sender{}(100); }},
      Case{"malformed TCP header",
           [](Sender& next) {
             Packet packet = next(0);
             packet[32] = 0xf0;
             return packet;
           }},
  };
  for (const Case& c : cases) {
    Sender next;
    std::vector<Packet> packets{next(100), next(100)};
    packets.push_back(c.interruption(next));
    packets.push_back(next(100));
    EXPECT_EQ(merge(packets).split(), packets) << c.what;
  }
}

TEST(Merger, IsUsableAgainAfterAFlush) {
  Merger merger(all);
  Frames frames;
  Sender next;
  for (int i = 0; i < 3; ++i) {
    merger.push(next(100), frames);
    merger.push(next(100), frames);
    merger.flush(frames);
    merger.flush(frames);
  }
  EXPECT_EQ(groups(frames), (std::vector<std::size_t>{2, 2, 2}));
}

}  // namespace
}  // namespace mpquic::packet
