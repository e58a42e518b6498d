// Random flows of TCP and UDP, with everything that keeps packets from being merged sprinkled in, through Merger and
// Splitter in both orders.

#include <gtest/gtest.h>

#include <random>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::Frames;
using sample::Packet;

class RandomFlows {
 public:
  explicit RandomFlows(unsigned seed) : random_(seed) {
    for (std::uint8_t i = 0; i < 12; ++i) {
      const sample::Ip ip{.is_ipv6 = i % 2 == 1,
                          .traffic_class = 2,
                          .fragment = i % 3 == 0 ? std::uint16_t{0} : std::uint16_t{0x4000},
                          .host = i};
      tcp_.push_back({.ip = ip, .sequence = below(0xffffffff), .options = Packet(i % 4 * 4u, 1)});
      udp_.push_back({.ip = ip});
    }
  }

  Packet next() {
    Packet packet = one_in(4) ? next_udp() : next_tcp();
    if (one_in(30)) packet[below(packet.size())] ^= static_cast<std::uint8_t>(1u << below(8));
    return packet;
  }

  std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(random_() % end); }
  bool one_in(std::uint32_t n) { return random_() % n == 0; }

 private:
  Packet next_tcp() {
    sample::Tcp& tcp = tcp_[below(tcp_.size())];
    tcp.payload = sample::payload_of(one_in(8) ? below(1400) : 700, below(1000));
    tcp.flags = tcp::ack;
    if (one_in(15)) tcp.flags |= tcp::psh;
    if (one_in(40)) tcp.flags |= tcp::fin;
    if (one_in(40)) tcp.flags |= tcp::cwr;
    if (one_in(60)) tcp.flags |= tcp::syn;
    if (one_in(30)) ++tcp.acknowledgement;
    if (one_in(50)) ++tcp.window;
    if (one_in(50)) tcp.sequence += 700;
    const Packet packet = packet_of(tcp);
    tcp.sequence += static_cast<std::uint32_t>(tcp.payload.size());
    ++tcp.ip.id;
    return packet;
  }

  Packet next_udp() {
    sample::Udp& udp = udp_[below(udp_.size())];
    udp.payload = sample::payload_of(one_in(8) ? below(300) : 160, below(1000));
    ++udp.ip.id;
    return packet_of(udp);
  }

  std::mt19937 random_;
  std::vector<sample::Tcp> tcp_;
  std::vector<sample::Udp> udp_;
};

TEST(RoundTrip, SplitAfterMergeGivesEveryFlowBackByteForByte) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  RandomFlows flows(seed);
  Merger merger({.tcp4 = true, .tcp6 = true, .udp = true});
  Frames frames;
  std::vector<Packet> packets;
  for (int i = 0; i < 20'000; ++i) {
    packets.push_back(flows.next());
    merger.push(packets.back(), frames);
    if (flows.one_in(200)) merger.flush(frames);
  }
  merger.flush(frames);
  EXPECT_LT(frames.frames.size(), packets.size() * 3 / 4) << "much was merged";
  EXPECT_EQ(sample::by_flow(frames.split()), sample::by_flow(packets));
}

TEST(RoundTrip, MergeAfterSplitGivesTheSuperPacketBack) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Merger merger({.tcp4 = true, .tcp6 = true, .udp = true});
  for (int i = 0; i < 500; ++i) {
    const std::size_t gso_size = 100 + random() % 1400;
    const std::size_t payload_size = gso_size + 1 + random() % (gso_size * 40);
    const sample::Ip ip{.is_ipv6 = random() % 2 == 0, .id = static_cast<std::uint16_t>(random()), .fragment = 0};
    const Packet payload = sample::payload_of(payload_size, static_cast<unsigned>(random()));
    const auto sequence = static_cast<std::uint32_t>(random());
    const std::uint8_t flags = random() % 2 == 0 ? tcp::ack : tcp::ack | tcp::psh | tcp::fin;
    const Packet whole =
        random() % 2 == 0 ? packet_of(sample::Udp{.ip = ip, .payload = payload})
                          : packet_of(sample::Tcp{.ip = ip, .sequence = sequence, .flags = flags, .payload = payload});
    sample::SuperPacket given = sample::super_packet(whole, static_cast<std::uint16_t>(gso_size));
    const Packet before = given.packet;

    Frames frames;
    auto splitter = Splitter::begin(given.virtio, given.packet);
    ASSERT_TRUE(splitter);
    for (const Packet& packet : sample::drain(*std::move(splitter), 65'535)) merger.push(packet, frames);
    merger.flush(frames);
    ASSERT_EQ(frames.frames.size(), 1u);
    EXPECT_EQ(frames.frames[0].packet, before);
    EXPECT_EQ(frames.frames[0].virtio.gso_size, given.virtio.gso_size);
    EXPECT_EQ(frames.frames[0].virtio.gso_type, given.virtio.gso_type);
  }
}

}  // namespace
}  // namespace mpquic::packet
