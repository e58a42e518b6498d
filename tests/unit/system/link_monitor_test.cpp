#include "system/link_monitor.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "system/messages.h"
#include "system/own_network.h"

namespace mpquic::system {
namespace {

using std::chrono::milliseconds;

//  wan0 <--veth--> peer0      the monitor watches wan0, and wan1, which does not exist at first
class LinkMonitorTest : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link add wan0 type veth peer name peer0 && ip link set peer0 up && ip link set wan0 up");
    run("ip addr add 192.0.2.2/24 dev wan0 && ip -6 addr add 2001:db8::2/64 dev wan0 nodad");
    run("ip route add default via 192.0.2.1 dev wan0 metric 100");
    auto opened = LinkMonitor::open({"wan0", "wan1"});
    ASSERT_TRUE(opened) << opened.error().message;
    monitor_.emplace(*std::move(opened));
    // The carrier of a veth and the operational state that follows from it settle after a moment.
    expect("carrier at first", [this] { return wan0().carrier; });
  }

  const LinkState& wan0() const { return monitor_->state("wan0"); }
  const LinkState& wan1() const { return monitor_->state("wan1"); }
  bool has(const LinkState& state, const char* text) const {
    return std::ranges::find(state.addresses, address(text)) != state.addresses.end();
  }

  // Reads, as the daemon would, whenever the descriptor is readable, until `condition` or 100 ms have gone by.
  void expect(const char* what, const std::function<bool()>& condition) {
    const auto start = std::chrono::steady_clock::now();
    while (!condition()) {
      const auto left =
          milliseconds(100) - std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
      pollfd ready{monitor_->fd(), POLLIN, 0};
      ASSERT_GT(left.count() > 0 ? poll(&ready, 1, static_cast<int>(left.count())) : 0, 0) << "not seen: " << what;
      read();
    }
  }
  void read() {
    const auto before = monitor_->state("wan0");
    const auto changed = monitor_->read();
    ASSERT_TRUE(changed) << changed.error().message;
    const bool said = std::ranges::find(*changed, "wan0") != changed->end();
    EXPECT_EQ(said, before != monitor_->state("wan0")) << "read() tells exactly the changes";
  }

  std::optional<LinkMonitor> monitor_;
};

TEST_F(LinkMonitorTest, KnowsFromTheStartWhatThereIs) {
  EXPECT_TRUE(wan0().present);
  EXPECT_TRUE(wan0().up);
  EXPECT_EQ(wan0().ifindex, if_nametoindex("wan0"));
  EXPECT_EQ(wan0().mtu, 1500);
  EXPECT_EQ(wan0().addresses, (std::vector{address("192.0.2.2"), address("2001:db8::2")}));
  EXPECT_EQ(wan0().gateway4, address("192.0.2.1"));
  EXPECT_EQ(wan0().gateway6, std::nullopt);
  EXPECT_EQ(wan1(), LinkState());
}

TEST_F(LinkMonitorTest, SeesAddressesComeAndGo) {
  run("ip addr add 192.0.2.3/24 dev wan0");
  expect("IPv4 address added", [&] { return has(wan0(), "192.0.2.3"); });
  run("ip -6 addr add 2001:db8::3/64 dev wan0 nodad");
  expect("IPv6 address added", [&] { return has(wan0(), "2001:db8::3"); });
  run("ip addr del 192.0.2.3/24 dev wan0");
  expect("IPv4 address removed", [&] { return !has(wan0(), "192.0.2.3"); });
  run("ip -6 addr del 2001:db8::3/64 dev wan0");
  expect("IPv6 address removed", [&] { return !has(wan0(), "2001:db8::3"); });
}

TEST_F(LinkMonitorTest, SeesALinkGoDownAndUp) {
  run("ip link set wan0 down");
  expect("down", [&] { return !wan0().up && !wan0().carrier && !wan0().gateway4; });
  EXPECT_TRUE(wan0().present);
  run("ip link set wan0 up");
  expect("up", [&] { return wan0().up; });
  EXPECT_EQ(wan0().gateway4, std::nullopt) << "the kernel dropped the route with the link";
}

TEST_F(LinkMonitorTest, SeesTheCarrierGoAndCome) {
  run("ip link set peer0 down");
  expect("carrier lost", [&] { return !wan0().carrier; });
  EXPECT_TRUE(wan0().up);
  run("ip link set peer0 up");
  expect("carrier back", [&] { return wan0().carrier; });
}

TEST_F(LinkMonitorTest, SeesTheMtuChange) {
  run("ip link set wan0 mtu 1400");
  expect("MTU", [&] { return wan0().mtu == 1400; });
}

TEST_F(LinkMonitorTest, SeesGatewaysChange) {
  run("ip route replace default via 192.0.2.9 dev wan0 metric 100");
  expect("replaced", [&] { return wan0().gateway4 == address("192.0.2.9"); });
  run("ip route add default via 192.0.2.5 dev wan0 table 300 metric 50");
  expect("a lower metric in a table of its own", [&] { return wan0().gateway4 == address("192.0.2.5"); });
  run("ip route del default table 300 metric 50");
  expect("back", [&] { return wan0().gateway4 == address("192.0.2.9"); });
  run("ip route del default metric 100");
  expect("gone", [&] { return !wan0().gateway4; });
  run("ip -6 route add default via 2001:db8::1 dev wan0");
  expect("IPv6", [&] { return wan0().gateway6 == address("2001:db8::1"); });
  run("ip -6 route del default");
  expect("IPv6 gone", [&] { return !wan0().gateway6; });
}

TEST_F(LinkMonitorTest, SeesAGatewayGoWithTheAddress) {
  run("ip addr del 192.0.2.2/24 dev wan0");
  expect("no route without an address", [&] { return !has(wan0(), "192.0.2.2") && !wan0().gateway4; });
}

TEST_F(LinkMonitorTest, SeesAGatewayMoveToAnotherLink) {
  run("ip link add wan1 type veth peer name peer1 && ip link set wan1 up && ip addr add 198.51.100.2/24 dev wan1");
  run("ip route replace default via 198.51.100.1 dev wan1 metric 100");
  expect("moved", [&] { return wan1().gateway4 == address("198.51.100.1") && !wan0().gateway4; });
}

TEST_F(LinkMonitorTest, FollowsTheNameThroughARename) {
  const unsigned ifindex = wan0().ifindex;
  run("ip link set wan0 down && ip link set wan0 name wan1 && ip link set wan1 up");
  expect("renamed", [&] { return !wan0().present && wan1().present && wan1().up; });
  EXPECT_EQ(wan0(), LinkState());
  EXPECT_EQ(wan1().ifindex, ifindex);
  EXPECT_TRUE(has(wan1(), "192.0.2.2"));
}

TEST_F(LinkMonitorTest, FollowsAnInterfaceThatIsDeletedAndMadeAgain) {
  const unsigned ifindex = wan0().ifindex;
  run("ip link del wan0");
  expect("deleted", [&] { return !wan0().present; });
  EXPECT_EQ(wan0(), LinkState());
  run("ip link add wan0 type veth peer name peer0 && ip link set wan0 up && ip link set peer0 up");
  run("ip addr add 192.0.2.2/24 dev wan0 && ip route add default via 192.0.2.1 dev wan0");
  expect("made again", [&] { return wan0().carrier && wan0().gateway4 == address("192.0.2.1"); });
  EXPECT_NE(wan0().ifindex, ifindex);
  EXPECT_TRUE(has(wan0(), "192.0.2.2"));
}

TEST_F(LinkMonitorTest, SeesAnInterfaceMoveToAnotherNamespaceAsGone) {
  OtherProcess other([] { return unshare(CLONE_NEWNET) == 0; });
  run("ip link set wan0 netns " + std::to_string(other.pid()));
  expect("moved away", [&] { return wan0() == LinkState(); });
}

TEST_F(LinkMonitorTest, LeavingABridgeIsNotTheEndOfALink) {
  run("ip addr add 10.7.1.1/32 dev peer0 && ip link add br0 type bridge && ip link set peer0 master br0");
  monitor_->watch("peer0");
  run("ip link set peer0 nomaster && ip link set peer0 mtu 1450");
  expect("the event after", [&] { return monitor_->state("peer0").mtu == 1450; });
  EXPECT_TRUE(has(monitor_->state("peer0"), "10.7.1.1"));
}

TEST_F(LinkMonitorTest, AnAddressStillBeingCheckedCountsWhenItIsFound) {
  run("ip -6 addr add 2001:db8::4/64 dev wan0");
  read();
  EXPECT_FALSE(has(wan0(), "2001:db8::4"));
  pollfd ready{monitor_->fd(), POLLIN, 0};
  for (int i = 0; i < 50 && !has(wan0(), "2001:db8::4"); ++i) {
    if (poll(&ready, 1, 100) == 1) read();
  }
  EXPECT_TRUE(has(wan0(), "2001:db8::4"));
}

TEST_F(LinkMonitorTest, MoreEventsThanFitAreMadeUpFor) {
  const int small = 4096;
  ASSERT_EQ(setsockopt(monitor_->fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  run("for i in $(seq 1 200); do echo addr add 10.7.1.$i/32 dev wan0; done | ip -batch -");
  run("ip addr del 10.7.1.1/32 dev wan0");
  read();
  EXPECT_EQ(wan0().addresses.size(), 201);
  EXPECT_FALSE(has(wan0(), "10.7.1.1"));
  run("ip addr add 10.7.2.1/32 dev wan0");
  expect("events go on", [&] { return has(wan0(), "10.7.2.1"); });
}

TEST_F(LinkMonitorTest, WhatIsNotWatchedIsNotReported) {
  run("ip addr add 10.7.1.1/32 dev peer0");
  const auto changed = monitor_->read();
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(*changed, std::vector<std::string>());
  monitor_->watch("peer0");
  EXPECT_TRUE(has(monitor_->state("peer0"), "10.7.1.1"));
  monitor_->forget("peer0");
  run("ip addr del 10.7.1.1/32 dev peer0");
  EXPECT_EQ(monitor_->read().value(), std::vector<std::string>());
}

}  // namespace
}  // namespace mpquic::system
