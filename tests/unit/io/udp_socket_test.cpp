#include "io/udp_socket.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "io/sockets.h"
#include "system/own_network.h"

namespace mpquic::io {
namespace {

using packet::Ecn;
using packet::UdpBatch;

class UdpSocketTest : public system::OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link set lo up && ip address add fd00::1/128 dev lo nodad && ip address add fd00::2/128 dev lo nodad");
    // The kernel makes IPv6 addresses usable a little later, in a work queue, even those that need no detection.
    run("for i in $(seq 500); do ip -6 route show table local | grep -q fd00::2 && "
        "! ip -6 address show tentative | grep -q fd00 && exit 0; sleep 0.01; done; exit 1");
  }
  std::size_t send(UdpSocket& socket, const UdpBatch& batch, std::size_t first = 0) {
    return socket.send(batch, first, drops_);
  }
  static std::uint64_t sent_bytes(const std::string& device) {
    std::ifstream table("/proc/self/net/dev");
    for (std::string line; std::getline(table, line);) {
      const auto colon = line.find(device + ":");
      if (colon == std::string::npos || line.find("far_") != std::string::npos) continue;
      std::istringstream numbers(line.substr(colon + device.size() + 1));
      std::uint64_t value = 0;
      for (int i = 0; i < 9; ++i) numbers >> value;
      return value;
    }
    return 0;
  }
  /// A device that lets a packet through now and then; 10.0.0.2 is behind it.
  void make_slow_link() {
    run("ip link add slow type veth peer name sink && ip address add 10.0.0.1/24 dev slow && "
        "ip link set slow up && ip link set sink up && "
        "ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev slow nud permanent && "
        "tc qdisc add dev slow root tbf rate 8kbit burst 1540 limit 10000000");
  }

  DropCounters drops_;
};

TEST_F(UdpSocketTest, IsGivenAPortAndHasNothingAtFirst) {
  auto socket = open({.bind = address("127.0.0.1:0")});
  EXPECT_NE(socket.local().port, 0);
  EXPECT_EQ(socket.local().address, address("127.0.0.1:0").address);
  ReceiveBuffers buffers;
  EXPECT_TRUE(socket.receive(buffers).empty());
}

TEST_F(UdpSocketTest, SaysWhatIsWrongWithTheAddressOrTheDevice) {
  const auto holder = open({.bind = address("127.0.0.1:4500")});
  EXPECT_EQ(UdpSocket::open({.bind = address("127.0.0.1:4500")}).error().message,
            "bind UDP 127.0.0.1:4500: Address already in use");
  EXPECT_EQ(UdpSocket::open({.bind = address("192.0.2.1:1")}).error().message,
            "bind UDP 192.0.2.1:1: Cannot assign requested address");
  EXPECT_EQ(UdpSocket::open({.bind = address("127.0.0.1:0"), .device = "nowhere"}).error().message,
            "bind a socket to interface nowhere: No such device");
}

TEST_F(UdpSocketTest, ARunLeavesInOneSendAndArrivesGluedTogether) {
  for (const char* text : {"127.0.0.1:0", "[fd00::1]:0", "[::]:0"}) {
    auto sender = open({.bind = address(text)}), receiver = open({.bind = address(text)});
    ASSERT_TRUE(sender.segmentation()) << "this kernel can't";
    auto to = receiver.local();
    if (to.address.is_unspecified()) to.address = packet::Address::parse("127.0.0.1").value();
    UdpBatch batch(100'000, true);
    std::vector<std::uint8_t> sent;
    for (std::uint8_t i = 0; i < 6; ++i) {
      const std::vector<std::uint8_t> payload(i < 5 ? 1200 : 300, i);
      put(batch, payload, {.remote = to});
      sent.insert(sent.end(), payload.begin(), payload.end());
    }
    ASSERT_EQ(batch.runs().size(), 1U);
    EXPECT_EQ(send(sender, batch), 1U);
    const auto arrived = receive(receiver, 6);
    ASSERT_EQ(arrived.size(), 1U) << text;
    EXPECT_EQ(arrived[0].segment_size, 1200U);
    EXPECT_EQ(arrived[0].bytes, sent);
  }
}

TEST_F(UdpSocketTest, PayloadsForSeveralDestinationsGoWhereTheyShould) {
  auto sender = open({.bind = address("127.0.0.1:0")});
  std::vector<UdpSocket> receivers;
  for (int i = 0; i < 3; ++i) receivers.push_back(open({.bind = address("127.0.0.1:0")}));
  UdpBatch batch(500'000, true);
  for (std::uint8_t i = 0; i < 120; ++i) put(batch, {i, 1, 2}, {.remote = receivers[i % 3].local()});
  ASSERT_EQ(batch.runs().size(), 120U) << "more than one sendmmsg takes";
  EXPECT_EQ(send(sender, batch), 120U);
  for (std::uint8_t i = 0; i < 3; ++i) {
    const auto arrived = receive(receivers[i], 40);
    ASSERT_EQ(arrived.size(), 40U);
    for (std::uint8_t n = 0; n < 40; ++n) {
      EXPECT_EQ(arrived[n].bytes[0], n * 3 + i);
      EXPECT_EQ(arrived[n].remote, sender.local());
    }
  }
}

TEST_F(UdpSocketTest, ReceivesNoMoreMessagesThanAskedFor) {
  auto sender = open({.bind = address("127.0.0.1:0")}), receiver = open({.bind = address("127.0.0.1:0")});
  UdpBatch batch(100'000, false);
  for (std::uint8_t i = 0; i < 40; ++i) put(batch, {i}, {.remote = receiver.local()});
  EXPECT_EQ(send(sender, batch), 40U);
  ASSERT_TRUE(wait_for(receiver.fd()));
  ReceiveBuffers buffers;
  EXPECT_EQ(receiver.receive(buffers, 3).size(), 3U);
  const auto more = receiver.receive(buffers, 1000);
  ASSERT_EQ(more.size(), ReceiveBuffers::messages);
  EXPECT_EQ(more[0].bytes[0], 3);
}

TEST_F(UdpSocketTest, TheEcnBitsTravelOverEachFamily) {
  const struct {
    const char *sender, *receiver, *to;
  } table[] = {{"127.0.0.1:0", "127.0.0.1:7001", "127.0.0.1:7001"},
               {"[fd00::2]:0", "[fd00::1]:7002", "[fd00::1]:7002"},
               {"[::]:0", "[::]:7003", "[fd00::1]:7003"},
               {"[::]:0", "[::]:7004", "127.0.0.1:7004"},
               {"127.0.0.1:0", "[::]:7005", "127.0.0.1:7005"}};
  for (const auto& row : table) {
    auto sender = open({.bind = address(row.sender)}), receiver = open({.bind = address(row.receiver)});
    for (const Ecn ecn : {Ecn::not_ect, Ecn::ect1, Ecn::ect0, Ecn::ce}) {
      UdpBatch batch(10'000, true);
      put(batch, {1}, {.remote = address(row.to), .ecn = ecn});
      EXPECT_EQ(send(sender, batch), 1U);
      const auto arrived = receive(receiver, 1);
      ASSERT_EQ(arrived.size(), 1U) << row.to;
      EXPECT_EQ(arrived[0].ecn, ecn) << row.sender << " to " << row.to;
    }
  }
}

TEST_F(UdpSocketTest, AWildcardSocketKnowsWhichAddressAPayloadCameToAndAnswersFromThere) {
  const struct {
    const char *server, *to, *client;
  } table[] = {{"0.0.0.0:7001", "127.0.0.5:7001", "127.0.0.1:0"},
               {"[::]:7002", "[fd00::2]:7002", "[fd00::1]:0"},
               {"[::]:7003", "127.0.0.5:7003", "127.0.0.1:0"}};
  for (const auto& row : table) {
    auto server = open({.bind = address(row.server)}), client = open({.bind = address(row.client)});
    UdpBatch batch(10'000, true);
    put(batch, {1}, {.remote = address(row.to)});
    EXPECT_EQ(send(client, batch), 1U);
    const auto asked = receive(server, 1);
    ASSERT_EQ(asked.size(), 1U) << row.to;
    EXPECT_EQ(asked[0].local, address(row.to)) << asked[0].local.to_string();
    EXPECT_EQ(asked[0].remote, client.local()) << asked[0].remote.to_string();

    UdpBatch answer(10'000, true);
    put(answer, {2}, {.remote = asked[0].remote, .local = asked[0].local.address});
    EXPECT_EQ(send(server, answer), 1U);
    const auto answered = receive(client, 1);
    ASSERT_EQ(answered.size(), 1U) << row.to;
    EXPECT_EQ(answered[0].remote, address(row.to));
    EXPECT_EQ(answered[0].local, client.local());
  }
}

TEST_F(UdpSocketTest, ASocketBoundToADeviceLeavesThroughItWhateverTheRoutesSay) {
  for (const std::string link : {"one", "two"}) {
    run("ip link add " + link + " type veth peer name far_" + link + " && ip link set " + link + " up && " +
        "ip link set far_" + link + " up && ip address add 10.0.0.1/32 dev " + link + " && " +
        "ip route add 203.0.113.0/24 dev " + link + " metric " + (link == "one" ? "1" : "2") + " && " +
        "ip neighbour add 203.0.113.1 lladdr 02:00:00:00:00:02 dev " + link + " nud permanent");
  }
  auto socket = open({.bind = address("10.0.0.1:0"), .device = "two"});
  UdpBatch batch(10'000, true);
  for (int i = 0; i < 3; ++i) put(batch, std::vector<std::uint8_t>(1234), {.remote = address("203.0.113.1:1")});
  EXPECT_EQ(send(socket, batch), 1U);
  EXPECT_GT(sent_bytes("two"), 3 * 1234U);
  EXPECT_LT(sent_bytes("one"), 1234U) << "but for what the kernel has to say by itself";
}

TEST_F(UdpSocketTest, WhatTheKernelRefusesIsCountedAndDoesNotHoldUpTheRest) {
  run("ip link set lo mtu 1500");
  auto sender = open({.bind = address("127.0.0.1:0")}), receiver = open({.bind = address("127.0.0.1:0")});
  UdpBatch batch(100'000, true);
  put(batch, {1}, {.remote = receiver.local()});
  put(batch, std::vector<std::uint8_t>(1600), {.remote = receiver.local()});  // over the MTU
  put(batch, std::vector<std::uint8_t>(1600), {.remote = receiver.local()});
  put(batch, {2}, {.remote = address("203.0.113.1:1")});  // no route
  put(batch, {3}, {.remote = receiver.local()});
  ASSERT_EQ(batch.runs().size(), 4U);
  EXPECT_EQ(send(sender, batch), 4U);
  EXPECT_EQ(drops_[Drop::udp_send], 3U);
  const auto arrived = receive(receiver, 2);
  ASSERT_EQ(arrived.size(), 2U);
  EXPECT_EQ(arrived[1].bytes[0], 3);
}

TEST_F(UdpSocketTest, ASegmentThatIsTooLargeTakesNoOtherWithIt) {
  run("ip link set lo mtu 1500");
  auto sender = open({.bind = address("127.0.0.1:0")}), receiver = open({.bind = address("127.0.0.1:0")});
  UdpBatch batch(100'000, true);
  put(batch, std::vector<std::uint8_t>(1600), {.remote = receiver.local()});  // looking for the path MTU
  put(batch, {7}, {.remote = receiver.local()});
  ASSERT_EQ(batch.runs().size(), 1U);
  EXPECT_EQ(send(sender, batch), 1U);
  EXPECT_EQ(drops_[Drop::udp_send], 1U);
  EXPECT_EQ(receive(receiver, 1).at(0).bytes, std::vector<std::uint8_t>{7});
}

TEST_F(UdpSocketTest, ARunThatTheKernelDoesNotSegmentLeavesPayloadByPayload) {
  auto sender = open({.bind = address("127.0.0.1:0")}), receiver = open({.bind = address("127.0.0.1:0")});
  // The kernel segments nothing without a checksum. On real links, it is for the device that it doesn't.
  const int on = 1;
  ASSERT_EQ(setsockopt(sender.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  UdpBatch batch(100'000, true);
  for (std::uint8_t i = 0; i < 50; ++i) put(batch, std::vector<std::uint8_t>(1000, i), {.remote = receiver.local()});
  put(batch, {50}, {.remote = receiver.local()});
  ASSERT_EQ(batch.runs().size(), 1U);
  EXPECT_EQ(send(sender, batch), 1U);
  EXPECT_EQ(drops_[Drop::udp_send], 0U);
  const auto arrived = receive(receiver, 51);
  ASSERT_EQ(arrived.size(), 51U);
  for (std::uint8_t i = 0; i <= 50; ++i) EXPECT_EQ(arrived[i].bytes, std::vector<std::uint8_t>(i < 50 ? 1000 : 1, i));
}

TEST_F(UdpSocketTest, ARunThatTheFullBufferInterruptsGoesOnWhereItWas) {
  make_slow_link();
  auto sender = open({.bind = address("10.0.0.1:0"), .send_buffer = 16'384});
  const int on = 1;
  ASSERT_EQ(setsockopt(sender.fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  UdpBatch batch(100'000, true);
  for (int i = 0; i < 50; ++i) put(batch, std::vector<std::uint8_t>(1000), {.remote = address("10.0.0.2:1")});
  ASSERT_EQ(batch.runs().size(), 1U);
  EXPECT_EQ(send(sender, batch), 0U);
  run("tc qdisc change dev slow root tbf rate 10gbit burst 1000000 limit 10000000");
  std::size_t done = 0;
  while (done < 1 && wait_for(sender.fd(), POLLOUT)) done = send(sender, batch);
  EXPECT_EQ(done, 1U);
  EXPECT_EQ(drops_[Drop::udp_send], 0U);
  for (int i = 0; i < 100 && sent_bytes("slow") < 50 * 1042; ++i) usleep(10'000);
  EXPECT_NEAR(static_cast<double>(sent_bytes("slow")), 50 * 1042, 1000) << "each payload once";
}

TEST_F(UdpSocketTest, WhenTheBufferIsFullItSaysHowFarItGotAndGoesOnFromThere) {
  make_slow_link();
  auto sender = open({.bind = address("10.0.0.1:0"), .send_buffer = 16'384});
  UdpBatch batch(500'000, false);
  for (int i = 0; i < 200; ++i) put(batch, std::vector<std::uint8_t>(1000), {.remote = address("10.0.0.2:1")});
  const std::size_t first = send(sender, batch);
  EXPECT_GT(first, 0U);
  EXPECT_LT(first, 100U);
  EXPECT_EQ(send(sender, batch, first), first) << "still full";
  EXPECT_EQ(drops_[Drop::udp_send], 0U);
  EXPECT_FALSE(wait_for(sender.fd(), POLLOUT, 0));

  run("tc qdisc change dev slow root tbf rate 10gbit burst 1000000 limit 10000000");
  std::size_t done = first;
  while (done < 200 && wait_for(sender.fd(), POLLOUT)) done = send(sender, batch, done);
  EXPECT_EQ(done, 200U);
  EXPECT_EQ(drops_[Drop::udp_send], 0U);
}

}  // namespace
}  // namespace mpquic::io
