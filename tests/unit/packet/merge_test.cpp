#include "packet/merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>

#include "packet/merge_sample.h"

namespace mpquic::packet {
namespace {

using sample::all;
using sample::bytes;
using sample::Frames;
using sample::groups;
using sample::merge;
using sample::Packet;
using sample::Sender;

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

TEST(Merger, MayHoldBackAFlowWhileBytesThatAreNoPacketPass) {
  Sender next;
  const Packet first = next(100);
  Packet garbage = next(100);
  garbage[3] = 0;  // total length
  EXPECT_EQ(merge({first, garbage}).split(), (std::vector<Packet>{garbage, first}));
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
