// What keeps packets apart, one rule at a time.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "packet/merge_sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::Frames;
using sample::groups;
using sample::merge;
using sample::Packet;
using sample::Sender;

/// What happens to three segments when the middle one is changed: sizes in segments of what is written.
struct Rule {
  const char* what;
  std::function<void(Packet&)> change;
  std::vector<std::size_t> groups;
  bool repair = true;
};

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

}  // namespace
}  // namespace mpquic::packet
