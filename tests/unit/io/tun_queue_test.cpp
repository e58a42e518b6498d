#include "io/tun_queue.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cstring>

#include "io/sockets.h"
#include "packet/sample.h"
#include "system/own_network.h"

namespace mpquic::io {
namespace {

namespace sample = packet::sample;

/// tun0 is 10.0.0.200, all of 10.0.0.0/24 is behind it: what sample packets are addressed to.
class TunQueueTest : public system::OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    Fd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(fd);
    ifreq request{};
    std::strcpy(request.ifr_name, "tun0");
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    ASSERT_EQ(ioctl(fd.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
    queue_.emplace(std::move(fd));
    run("echo 1 > /proc/sys/net/ipv6/conf/tun0/disable_ipv6; ip address add 10.0.0.200/24 dev tun0 && "
        "ip link set tun0 up");
  }

  std::optional<TunQueue> queue_;
  DropCounters drops_;
};

TEST_F(TunQueueTest, GivesNothingWhileNothingWaits) {
  packet::VirtioHeader header;
  std::vector<std::uint8_t> space(TunQueue::largest_read);
  EXPECT_TRUE(queue_->read(header, space).empty());
}

TEST_F(TunQueueTest, GivesThePacketsThatTheKernelSends) {
  auto socket = open({.bind = address("10.0.0.200:0")});
  packet::UdpBatch batch(2000, false);
  put(batch, sample::payload_of(500), {.remote = address("10.0.0.7:9")});
  ASSERT_EQ(socket.send(batch, 0, drops_), 1U);
  ASSERT_TRUE(wait_for(queue_->fd()));
  packet::VirtioHeader header;
  std::vector<std::uint8_t> space(TunQueue::largest_read);
  const MutableBytes packet = queue_->read(header, space);
  ASSERT_EQ(packet.size(), 528U);
  EXPECT_EQ(packet.data(), space.data());
  EXPECT_EQ(packet::destination_of(packet), packet::Address::parse("10.0.0.7"));
  EXPECT_EQ(header.gso_type, packet::VirtioHeader::gso_none);
  EXPECT_TRUE(queue_->read(header, space).empty());
}

TEST_F(TunQueueTest, CutsOffWhatDoesNotFitTheSpace) {
  auto socket = open({.bind = address("10.0.0.200:0")});
  packet::UdpBatch batch(2000, false);
  for (int i = 0; i < 2; ++i) put(batch, sample::payload_of(500), {.remote = address("10.0.0.7:9")});
  ASSERT_EQ(socket.send(batch, 0, drops_), 2U);
  ASSERT_TRUE(wait_for(queue_->fd()));
  packet::VirtioHeader header;
  std::vector<std::uint8_t> space(100), enough(2000);
  EXPECT_EQ(queue_->read(header, space).size(), 100U);
  EXPECT_EQ(queue_->read(header, enough).size(), 528U) << "the next packet is whole";
}

TEST_F(TunQueueTest, HandsPacketsToTheKernel) {
  auto socket = open({.bind = address("10.0.0.200:6000")});
  const auto packet = sample::packet_of(sample::Udp{.payload = sample::payload_of(700)});
  EXPECT_TRUE(queue_->write({}, packet, drops_));
  const auto arrived = receive(socket, 1);
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(arrived[0].bytes, sample::payload_of(700));
  EXPECT_EQ(arrived[0].remote, address("10.0.0.1:5000"));
}

TEST_F(TunQueueTest, CountsWhatTheKernelRefuses) {
  const auto packet = sample::packet_of(sample::Udp{.payload = sample::payload_of(700)});
  const std::vector<std::uint8_t> no_packet = {0x15, 0, 0};
  EXPECT_FALSE(queue_->write({}, no_packet, drops_));
  EXPECT_EQ(drops_[Drop::tun_write], 1U);
  run("ip link set tun0 down");
  EXPECT_FALSE(queue_->write({}, packet, drops_));
  EXPECT_EQ(drops_[Drop::tun_write], 2U);
}

}  // namespace
}  // namespace mpquic::io
