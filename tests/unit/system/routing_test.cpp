#include "system/routing.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include "system/own_network.h"

namespace mpquic::system {
namespace {

packet::Prefix prefix(const char* text) { return packet::Prefix::parse(text).value(); }
packet::Address address(const char* text) { return packet::Address::parse(text).value(); }

class RoutingTest : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link add one type ifb && ip link set one up && ip address add 10.0.0.1/24 dev one && "
        "ip link add two type ifb && ip link set two up");
    one_ = if_nametoindex("one");
    socket_.emplace(NetlinkSocket::open().value());
  }
  Routing wanted() const {
    return {.routes = {{500, prefix("0.0.0.0/0"), 10, one_, address("10.0.0.254")},
                       {500, prefix("0.0.0.0/0"), 1000, 0, std::nullopt},
                       {500, prefix("::/0"), 1000, 0, std::nullopt},
                       {254, prefix("172.16.0.0/30"), 500, one_, std::nullopt}},
            .rules = {{packet::Address::Family::ipv4, 500, 500, 0x100000, 0xfff00000, ""},
                      {packet::Address::Family::ipv6, 500, 500, 0, 0, "one"}}};
  }

  unsigned one_ = 0;
  std::optional<NetlinkSocket> socket_;
  RoutingScope scope_{500, 10};
};

TEST_F(RoutingTest, WhatIsWantedIsMadeAndReadBackAsItIs) {
  ASSERT_TRUE(apply_routing(*socket_, scope_, wanted()));
  EXPECT_TRUE(difference(wanted(), read_routing(*socket_, scope_).value()).empty());
  EXPECT_NE(output("ip route show table 500").find("default via 10.0.0.254 dev one proto 109 metric 10 onlink"),
            std::string::npos);
  EXPECT_NE(output("ip rule").find("500:\tfrom all fwmark 0x100000/0xfff00000 lookup 500 proto 109"),
            std::string::npos);
  EXPECT_NE(output("ip -6 rule").find("oif one lookup 500"), std::string::npos);
  const std::string before = output("ip route show table all; ip rule; ip -6 rule");
  ASSERT_TRUE(apply_routing(*socket_, scope_, wanted()));
  EXPECT_EQ(output("ip route show table all; ip rule; ip -6 rule"), before);

  ASSERT_TRUE(apply_routing(*socket_, scope_, {}));
  EXPECT_EQ(output("ip route show table all proto 109; ip rule show | grep 109"), "");
}

TEST_F(RoutingTest, AChangedRouteReplacesTheOldOne) {
  Routing routing = wanted();
  ASSERT_TRUE(apply_routing(*socket_, scope_, routing));
  routing.routes[0].gateway = address("10.0.0.253");
  ASSERT_TRUE(apply_routing(*socket_, scope_, routing));
  EXPECT_EQ(output("ip route show table 500 default metric 10"), "default via 10.0.0.253 dev one proto 109 onlink \n");
}

TEST_F(RoutingTest, WhatIsStaleMayStayForAWhile) {
  ASSERT_TRUE(apply_routing(*socket_, scope_, wanted()));
  const Routing other{.routes = {{501, prefix("0.0.0.0/0"), 10, one_, std::nullopt}}, .rules = {}};
  ASSERT_TRUE(apply_routing(*socket_, scope_, other, Stale::stays));
  const Routing both = read_routing(*socket_, scope_).value();
  EXPECT_EQ(both.routes.size(), wanted().routes.size() + 1);
  EXPECT_EQ(both.rules.size(), wanted().rules.size());
  ASSERT_TRUE(apply_routing(*socket_, scope_, other));
  EXPECT_TRUE(difference(other, read_routing(*socket_, scope_).value()).empty());
}

TEST_F(RoutingTest, WhatIsAdvertisedComesBetweenTheMainTablesRoutes) {
  run("ip link add tun type ifb && ip link set tun up && ip address add 10.9.0.1/32 dev tun && "
      "ip address add fd09::1/128 dev tun && ip address add 2001:db8::1/64 dev one nodad && "
      "ip route add default via 10.0.0.254 && ip route add 192.0.2.0/24 via 10.0.0.253 && "
      "ip route add default via 2001:db8::fe");
  const unsigned tun = if_nametoindex("tun");
  Routing wanted;
  for (const auto family : {packet::Address::Family::ipv4, packet::Address::Family::ipv6}) {
    const packet::Prefix everything = packet::Prefix::everything(family);
    const bool ipv4 = family == packet::Address::Family::ipv4;
    wanted.routes.push_back({509, everything, 10, tun, std::nullopt});
    wanted.routes.push_back({506, everything, 10, one_, address(ipv4 ? "10.0.0.254" : "2001:db8::fe")});
    wanted.rules.push_back({.family = family, .priority = 506, .table = 506, .output_interface = "one"});
    wanted.rules.push_back(
        {.family = family, .priority = 507, .table = 254, .mask = 0xfff00000, .ignores_defaults = true});
    wanted.rules.push_back({.family = family,
                            .priority = 508,
                            .table = 506,
                            .mask = 0xfff00000,
                            .source = prefix(ipv4 ? "10.0.0.1/32" : "2001:db8::1/128")});
    wanted.rules.push_back({.family = family, .priority = 509, .table = 509, .mask = 0xfff00000});
  }
  ASSERT_TRUE(apply_routing(*socket_, scope_, wanted));
  EXPECT_TRUE(difference(wanted, read_routing(*socket_, scope_).value()).empty());
  const auto device = [&](const std::string& what) {
    const std::string found = output("ip route get " + what);
    const auto at = found.find(" dev ");
    return at == std::string::npos ? found : found.substr(at + 5, found.find(' ', at + 5) - at - 5);
  };
  EXPECT_EQ(device("203.0.113.1"), "tun");
  EXPECT_NE(output("ip route get 203.0.113.1").find("src 10.9.0.1"), std::string::npos);
  EXPECT_EQ(device("192.0.2.1"), "one") << "the main table knows it better";
  EXPECT_EQ(device("10.0.0.7"), "one");
  EXPECT_EQ(device("203.0.113.1 oif one"), "one") << "bound to the link, as outer packets are";
  EXPECT_EQ(device("203.0.113.1 from 10.0.0.1"), "one") << "answers to who came in there";
  EXPECT_EQ(device("203.0.113.1 mark 0x200000"), "one") << "another node's, which has routes of its own";
  EXPECT_EQ(device("203.0.113.1 mark 0x1"), "tun") << "a mark of somebody else's";
  EXPECT_EQ(device("2001:db8:9::1"), "tun");
  EXPECT_EQ(device("2001:db8::7"), "one");
  EXPECT_EQ(device("2001:db8:9::1 oif one"), "one");
  EXPECT_EQ(device("2001:db8:9::1 from 2001:db8::1"), "one");

  ASSERT_TRUE(apply_routing(*socket_, scope_, {}));
  EXPECT_EQ(device("203.0.113.1"), "one");
  EXPECT_EQ(output("ip route show table all proto 109; ip rule show | grep 109"), "");
}

TEST_F(RoutingTest, OthersAreNeitherSeenNorReplaced) {
  run("ip route add 172.16.0.0/30 dev two metric 500 && ip rule add priority 501 lookup 500 && "
      "ip route add 192.0.2.0/24 dev two table 500 proto static && ip route add 192.0.2.0/24 dev two table 600 proto "
      "109");
  EXPECT_EQ(read_routing(*socket_, scope_).value(), Routing());
  const std::string before = output("ip route show table all; ip rule; ip -6 rule");
  const auto refused = apply_routing(*socket_, scope_, wanted());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "add route 172.16.0.0/30 dev one table 254 metric 500: File exists");
  EXPECT_EQ(output("ip route show table all; ip rule; ip -6 rule"), before) << "nothing is left half done";
}

}  // namespace
}  // namespace mpquic::system
