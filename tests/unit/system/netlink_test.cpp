#include "system/netlink.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>

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
    socket_.emplace(*std::move(opened));
  }
  std::optional<NetlinkSocket> socket_;
};

TEST_F(NetlinkTest, FindsALinkByName) {
  const auto link = socket_->get(link_request("lo"), parse_link, ENODEV);
  ASSERT_TRUE(link) << link.error().message;
  ASSERT_TRUE(*link);
  EXPECT_EQ((*link)->name, "lo");
  EXPECT_EQ((*link)->ifindex, 1);
}

TEST_F(NetlinkTest, WhatIsAbsentIsNoFailureWhereThatWasAskedFor) {
  const auto tolerated = socket_->get(link_request("none"), parse_link, ENODEV);
  ASSERT_TRUE(tolerated) << tolerated.error().message;
  EXPECT_FALSE(*tolerated);
  const auto failed = socket_->get(link_request("none"), parse_link, 0);
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
  const auto refused = socket_->apply(route);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "add a route: Network is unreachable (Nexthop has invalid gateway)");
}

TEST_F(NetlinkTest, ADumpOfManyKilobytesIsWhole) {
  run("ip link set lo up");
  run("for i in $(seq 1 200); do for j in 1 2 3 4 5; do echo addr add 10.7.$i.$j/32 dev lo; done; done | ip -batch -");
  const auto addresses = socket_->dump(all_addresses_request(), parse_address);
  ASSERT_TRUE(addresses) << addresses.error().message;
  EXPECT_EQ(addresses->size(), 1002) << "and those of loopback";
}

// While the first part of the list is being read, its first address goes to the end: all others move up by one, and
// whoever reads on misses one.
std::optional<AddressMessage> parse_while_things_change(const Message& message) {
  static bool changed = false;
  if (!std::exchange(changed, true)) {
    EXPECT_EQ(std::system("ip addr del 10.7.1.1/32 dev lo && ip addr add 10.7.1.1/32 dev lo"), 0);
  }
  return parse_address(message);
}

TEST_F(NetlinkTest, ADumpThatWasInterruptedIsReadAgain) {
  run("for i in $(seq 1 200); do for j in 1 2 3 4 5; do echo addr add 10.7.$i.$j/32 dev lo; done; done | ip -batch -");
  const auto addresses = socket_->dump(all_addresses_request(), parse_while_things_change);
  ASSERT_TRUE(addresses) << addresses.error().message;
  std::set<std::string> different;
  for (const AddressMessage& one : *addresses) different.insert(one.address.to_string());
  EXPECT_EQ(different.size(), 1000);
  EXPECT_EQ(addresses->size(), 1000) << "none is there twice";
}

}  // namespace
}  // namespace mpquic::system
