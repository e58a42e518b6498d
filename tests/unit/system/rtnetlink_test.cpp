#include "system/rtnetlink.h"

#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_tun.h>

#include <algorithm>
#include <vector>

#include "system/messages.h"
#include "system/netlink.h"
#include "system/own_network.h"

namespace mpquic::system {
namespace {

TEST(Rtnetlink, ALinkEventThatLeavesThingsOutSaysNothingAboutThem) {
  ifinfomsg header{};
  header.ifi_index = 7;
  header.ifi_flags = IFF_UP;
  const auto link = parse_link(as_received(Request("test", RTM_NEWLINK, 0, header)));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->ifindex, 7);
  EXPECT_EQ(link->name, std::nullopt);
  EXPECT_EQ(link->mtu, std::nullopt);
  EXPECT_EQ(link->operstate, std::nullopt);
}

TEST(Rtnetlink, LeavingABridgeIsNotTakenForTheEndOfTheLink) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = 7;
  EXPECT_FALSE(parse_link(as_received(Request("test", RTM_DELLINK, 0, header))));
}

TEST(Rtnetlink, ATunDeviceTellsHowManyQueuesAreInUse) {
  Request request = link_message(RTM_NEWLINK, 7, "mpq1", 0);
  request.nest(IFLA_LINKINFO, [](Request& info) {
    info.put_text(IFLA_INFO_KIND, "tun").nest(IFLA_INFO_DATA, [](Request& tun) {
      tun.put_u8(IFLA_TUN_TYPE, IFF_TUN).put_u8(IFLA_TUN_PERSIST, 1).put_u8(IFLA_TUN_MULTI_QUEUE, 1);
      tun.put_u32(IFLA_TUN_NUM_QUEUES, 2).put_u32(IFLA_TUN_NUM_DISABLED_QUEUES, 1);
    });
  });
  const auto link = parse_link(as_received(request));
  ASSERT_TRUE(link);
  EXPECT_EQ(link->kind, "tun");
  EXPECT_EQ(link->tun, (TunInfo{.tap = false, .persistent = true, .multi_queue = true, .queues = 3}));
}

TEST(Rtnetlink, OfAPointToPointAddressTheLocalEndIsOurs) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 32;
  Request request("test", RTM_NEWADDR, 0, header);
  request.put_bytes(IFA_ADDRESS, address("10.0.0.254").bytes()).put_bytes(IFA_LOCAL, address("10.0.0.1").bytes());
  const auto parsed = parse_address(as_received(request));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->address, interface_address("10.0.0.1/32"));
  EXPECT_EQ(parsed->peer, address("10.0.0.254"));
}

TEST(Rtnetlink, AnAddressOfOneFamilyInTheBytesOfTheOtherIsRefused) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET6;
  header.ifa_prefixlen = 24;
  Request request("test", RTM_NEWADDR, 0, header);
  request.put_bytes(IFA_ADDRESS, address("10.0.0.1").bytes());
  EXPECT_FALSE(parse_address(as_received(request)));
}

TEST(Rtnetlink, ADefaultRouteNamesItsInterfaceGatewayAndMetric) {
  const Request request = default_route_message(RTM_NEWROUTE, AF_INET6, 3, "fe80::1", 1024);
  const auto route = parse_default_route(as_received(request));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->destination.to_string(), "::/0");
  EXPECT_EQ(route->metric, 1024);
  EXPECT_EQ(route->table, RT_TABLE_MAIN);
  EXPECT_EQ(route->next_hops, (std::vector<RouteMessage::NextHop>{{3, address("fe80::1")}}));
}

TEST(Rtnetlink, AnIpv4RouteMayHaveAnIpv6Gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_type = RTN_UNICAST;
  std::vector<std::uint8_t> via = {AF_INET6, 0};
  const auto gateway = address("fe80::1");
  via.insert(via.end(), gateway.bytes().begin(), gateway.bytes().end());
  Request request("test", RTM_NEWROUTE, 0, header);
  request.put_u32(RTA_OIF, 3).put_bytes(RTA_VIA, via);
  const auto route = parse_default_route(as_received(request));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->next_hops, (std::vector<RouteMessage::NextHop>{{3, gateway}}));
}

TEST(Rtnetlink, AMultipathRouteHasANextHopPerInterface) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_type = RTN_UNICAST;
  std::vector<std::uint8_t> hops;
  for (const auto& [ifindex, gateway] : {std::pair{3, "192.0.2.1"}, std::pair{4, "198.51.100.1"}}) {
    const std::uint8_t index = static_cast<std::uint8_t>(ifindex);
    const std::uint8_t head[] = {16, 0, 0, 0, index, 0, 0, 0, 8, 0, RTA_GATEWAY, 0};
    hops.insert(hops.end(), std::begin(head), std::end(head));
    const auto parsed = address(gateway);
    hops.insert(hops.end(), parsed.bytes().begin(), parsed.bytes().end());
  }
  Request request("test", RTM_NEWROUTE, 0, header);
  request.put_bytes(RTA_MULTIPATH, hops);
  const auto route = parse_default_route(as_received(request));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->next_hops,
            (std::vector<RouteMessage::NextHop>{{3, address("192.0.2.1")}, {4, address("198.51.100.1")}}));
}

TEST(Rtnetlink, OtherRoutesAreNoDefaultRoutes) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_type = RTN_UNREACHABLE;
  EXPECT_FALSE(parse_default_route(as_received(Request("test", RTM_NEWROUTE, 0, header)))) << "unreachable default";
  header.rtm_type = RTN_UNICAST;
  header.rtm_dst_len = 24;
  Request network("test", RTM_NEWROUTE, 0, header);
  network.put_bytes(RTA_DST, address("10.1.2.0").bytes());
  EXPECT_FALSE(parse_default_route(as_received(network)));
  ASSERT_TRUE(parse_route(as_received(network)));
  EXPECT_EQ(parse_route(as_received(network))->destination.to_string(), "10.1.2.0/24");
}

class RulesTest : public OwnNetwork {};

TEST_F(RulesTest, AreReadAsTheKernelHasThem) {
  run("ip rule add priority 7 fwmark 0x10/0xf0 from 10.0.0.0/8 oif lo lookup 1000 protocol 99; "
      "ip -6 rule add priority 8 to fd00::1 iif lo unreachable; ip rule add priority 9 dport 53 lookup 77; "
      "ip rule add priority 10 lookup main suppress_prefixlength 0; ip rule add priority 11 not fwmark 1 lookup 77");
  auto socket = NetlinkSocket::open();
  ASSERT_TRUE(socket);
  const auto rules = socket->dump(all_rules_request(), parse_rule);
  ASSERT_TRUE(rules);
  const auto numbered = [&](std::uint32_t priority) {
    const auto found = std::ranges::find(*rules, priority, &RuleMessage::priority);
    return found == rules->end() ? RuleMessage() : *found;
  };
  RuleMessage marked{.priority = 7, .action = FR_ACT_TO_TBL, .protocol = 99, .table = 1000, .mark = 0x10, .mask = 0xf0};
  marked.output_interface = "lo";
  marked.source = packet::Prefix::parse("10.0.0.0/8");
  EXPECT_EQ(numbered(7), marked);
  EXPECT_EQ(numbered(8).family, packet::Address::Family::ipv6);
  EXPECT_EQ(numbered(8).action, FR_ACT_UNREACHABLE);
  EXPECT_EQ(numbered(8).input_interface, "lo");
  EXPECT_EQ(numbered(8).destination, packet::Prefix::parse("fd00::1"));
  EXPECT_FALSE(numbered(8).narrowed);
  EXPECT_TRUE(numbered(9).narrowed);
  EXPECT_TRUE(numbered(10).ignores_defaults);
  EXPECT_FALSE(numbered(32766).ignores_defaults);
  EXPECT_EQ(numbered(32766).table, RT_TABLE_MAIN);
  EXPECT_TRUE(numbered(11).narrowed);
}

}  // namespace
}  // namespace mpquic::system
