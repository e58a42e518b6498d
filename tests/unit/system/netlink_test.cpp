#include "system/netlink.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "system/messages.h"
#include "system/own_network.h"
#include "system/rtnetlink.h"

namespace mpquic::system {
namespace {

class NetlinkTest : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    auto opened = NetlinkSocket::open();
    ASSERT_TRUE(opened) << opened.error().message;
    socket.emplace(*std::move(opened));
  }
  std::optional<NetlinkSocket> socket;
};

TEST_F(NetlinkTest, FindsALinkByName) {
  const auto link = socket->get(link_request("lo"), parse_link, ENODEV);
  ASSERT_TRUE(link) << link.error().message;
  ASSERT_TRUE(*link);
  EXPECT_EQ((*link)->name, "lo");
  EXPECT_EQ((*link)->ifindex, 1);
}

TEST_F(NetlinkTest, WhatIsAbsentIsNoFailureWhereThatWasAskedFor) {
  const auto tolerated = socket->get(link_request("none"), parse_link, ENODEV);
  ASSERT_TRUE(tolerated) << tolerated.error().message;
  EXPECT_FALSE(*tolerated);
  const auto failed = socket->get(link_request("none"), parse_link, 0);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "ask for interface none: No such device");
}

TEST_F(NetlinkTest, GivesTheKernelsOwnExplanation) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  Request route("add a route", RTM_NEWROUTE, NLM_F_CREATE, header);
  const std::uint8_t gateway[] = {192, 0, 2, 1};
  route.put_bytes(RTA_GATEWAY, gateway);
  const auto refused = socket->apply(route);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "add a route: Network is unreachable (Nexthop has invalid gateway)");
}

TEST_F(NetlinkTest, ADumpOfManyKilobytesIsWhole) {
  run("ip link set lo up");
  run("for i in $(seq 1 200); do for j in 1 2 3 4 5; do echo addr add 10.7.$i.$j/32 dev lo; done; done | ip -batch -");
  const auto addresses = socket->dump(all_addresses_request(), parse_address);
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses->size(), 1002) << "and those of loopback";
}

TEST_F(NetlinkTest, ADumpIsConsistentWhileThingsChange) {
  run("for i in $(seq 1 100); do echo addr add 10.7.$i.1/32 dev lo; done | ip -batch -");
  std::atomic<bool> stop = false;
  std::thread changer([&] {
    auto own = NetlinkSocket::open().value();
    while (!stop) {
      for (const std::uint16_t type : {RTM_NEWADDR, RTM_DELADDR}) {
        Request request = address_message(type, 1, "10.8.0.1/32");
        request.put_bytes(IFA_LOCAL, address("10.8.0.1").bytes());
        EXPECT_TRUE(own.apply(request));
      }
    }
  });
  for (int i = 0; i < 200; ++i) {
    const auto addresses = socket->dump(all_addresses_request(), parse_address);
    EXPECT_TRUE(addresses) << addresses.error().message;
    if (!addresses) break;
    EXPECT_TRUE(addresses->size() == 100 || addresses->size() == 101) << addresses->size();
  }
  stop = true;
  changer.join();
}

TEST_F(NetlinkTest, SignalsDoNotDisturb) {
  struct sigaction action {};
  action.sa_handler = [](int) {};  // no SA_RESTART: system calls end with EINTR
  ASSERT_EQ(sigaction(SIGALRM, &action, nullptr), 0);
  const itimerval often{{0, 50}, {0, 50}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  for (int i = 0; i < 500; ++i) {
    const auto links = socket->dump(all_links_request(), parse_link);
    ASSERT_TRUE(links) << links.error().message;
  }
  const itimerval stop{};
  setitimer(ITIMER_REAL, &stop, nullptr);
}

}  // namespace
}  // namespace mpquic::system
