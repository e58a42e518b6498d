#include "system/link_table.h"

#include <gtest/gtest.h>
#include <linux/if.h>

#include <vector>

#include "system/messages.h"
#include "system/routing.h"

namespace mpquic::system {
namespace {

constexpr unsigned running = IFF_UP | IFF_LOWER_UP;

class LinkTableTest : public testing::Test {
 protected:
  void apply(const Request& message) { table_.apply(as_received(message)); }
  static RouteMessage route(const char* gateway, unsigned ifindex, std::uint32_t metric, std::uint32_t table) {
    const auto hop = address(gateway);
    return {.destination = packet::Prefix(address(hop.is_ipv4() ? "0.0.0.0" : "::"), 0),
            .table = table,
            .metric = metric,
            .type = RTN_UNICAST,
            .next_hops = {{ifindex, hop}}};
  }
  std::vector<std::string> addresses() const {
    std::vector<std::string> texts;
    for (const auto& one : table_.state("wan").addresses) texts.push_back(one.to_string());
    return texts;
  }

  LinkTable table_;
};

using Texts = std::vector<std::string>;

TEST_F(LinkTableTest, ALinkThatNeverWasIsAbsent) { EXPECT_EQ(table_.state("wan"), LinkState()); }

TEST_F(LinkTableTest, FollowsALinkThroughItsLife) {
  apply(link_message(RTM_NEWLINK, 3, "wan", 0, 1500, 2));
  EXPECT_TRUE(table_.state("wan").present);
  EXPECT_FALSE(table_.state("wan").up);
  apply(link_message(RTM_NEWLINK, 3, "wan", IFF_UP, 1500, 2));
  EXPECT_TRUE(table_.state("wan").up);
  EXPECT_FALSE(table_.state("wan").carrier);
  apply(link_message(RTM_NEWLINK, 3, "wan", running, 1400, 6));
  EXPECT_TRUE(table_.state("wan").carrier);
  EXPECT_EQ(table_.state("wan").mtu, 1400);
  apply(link_message(RTM_DELLINK, 3, "wan", 0));
  EXPECT_EQ(table_.state("wan"), LinkState());
}

TEST_F(LinkTableTest, CarrierIsWhatTheLinkItselfSaysAndWhatIsBelowIt) {
  struct Case {
    unsigned flags;
    std::uint8_t operstate;
    bool carrier;
  };
  for (const auto& [flags, operstate, carrier] : std::vector<Case>{{running, 6, true},   // up
                                                                   {running, 0, true},   // unknown: TUN, loopback
                                                                   {running, 5, false},  // dormant: 802.1X, Wi-Fi
                                                                   {running, 3, false},  // lower layer down
                                                                   {IFF_UP, 2, false},   // cable pulled
                                                                   {IFF_LOWER_UP, 6, false}}) {  // set down
    apply(link_message(RTM_NEWLINK, 3, "wan", flags, 1500, operstate));
    EXPECT_EQ(table_.state("wan").carrier, carrier) << flags << " " << int{operstate};
  }
}

TEST_F(LinkTableTest, AnEventWithoutMtuAndOperstateLeavesThem) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running, 1400, 6));
  ifinfomsg header{};
  header.ifi_index = 3;
  header.ifi_flags = running;
  apply(Request("test", RTM_NEWLINK, 0, header));
  EXPECT_EQ(table_.state("wan").mtu, 1400);
  EXPECT_TRUE(table_.state("wan").carrier);
}

TEST_F(LinkTableTest, TheNameDecidesWhichLinkIsMeant) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.2/24"));
  apply(link_message(RTM_NEWLINK, 3, "old", running));
  EXPECT_FALSE(table_.state("wan").present);
  EXPECT_EQ(table_.state("old").addresses.size(), 1);
  apply(link_message(RTM_NEWLINK, 9, "wan", running));
  EXPECT_EQ(table_.state("wan").ifindex, 9);
  EXPECT_TRUE(table_.state("wan").addresses.empty()) << "the other link's address did not follow the name";
}

TEST_F(LinkTableTest, OnlyAddressesThatCanBeSentFromCount) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  apply(address_message(RTM_NEWADDR, 3, "fe80::1/64", IFA_F_PERMANENT, RT_SCOPE_LINK));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::1/64", IFA_F_TENTATIVE));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::2/64", IFA_F_TENTATIVE | IFA_F_DADFAILED));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::3/64", IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
  apply(address_message(RTM_NEWADDR, 4, "192.0.2.7/24"));
  EXPECT_EQ(addresses(), Texts{"2001:db8::3"});
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::1/64", IFA_F_PERMANENT));
  EXPECT_EQ(addresses(), (Texts{"2001:db8::1", "2001:db8::3"})) << "the address turned out to be unique";
}

TEST_F(LinkTableTest, TheBestAddressComesFirst) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::dead/64", IFA_F_DEPRECATED));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::beef/64", IFA_F_TEMPORARY));
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::1/64"));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.9/24", IFA_F_SECONDARY));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.2/24"));
  EXPECT_EQ(addresses(), (Texts{"192.0.2.2", "192.0.2.9", "2001:db8::1", "2001:db8::beef", "2001:db8::dead"}));
}

TEST_F(LinkTableTest, AnAddressThatIsRemovedIsGone) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.2/24"));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.3/24"));
  apply(address_message(RTM_DELADDR, 3, "192.0.2.2/24"));
  EXPECT_EQ(addresses(), Texts{"192.0.2.3"});
}

TEST_F(LinkTableTest, TheGatewayIsThatOfTheLowestMetricOutOfTheLink) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  table_.set_default_routes({route("192.0.2.9", 3, 200, RT_TABLE_MAIN), route("192.0.2.1", 3, 100, 300),
                             route("198.51.100.1", 4, 1, RT_TABLE_MAIN), route("fe80::1", 3, 1024, RT_TABLE_MAIN)});
  EXPECT_EQ(table_.state("wan").gateway4, address("192.0.2.1"));
  EXPECT_EQ(table_.state("wan").gateway6, address("fe80::1"));
  table_.set_default_routes({route("192.0.2.1", 3, 100, 300), route("192.0.2.9", 3, 100, RT_TABLE_MAIN)});
  EXPECT_EQ(table_.state("wan").gateway4, address("192.0.2.9")) << "of equal metrics, the main table's";
}

TEST_F(LinkTableTest, ALinkThatIsDownHasNoGateway) {
  table_.set_default_routes({route("192.0.2.1", 3, 100, RT_TABLE_MAIN)});
  apply(link_message(RTM_NEWLINK, 3, "wan", 0));
  EXPECT_EQ(table_.state("wan").gateway4, std::nullopt);
}

TEST_F(LinkTableTest, RoutesAreAskedForAgainWhenTheyMayHaveChanged) {
  struct Case {
    const char* what;
    Request event;
    bool stale;
  };
  const std::vector<Case> cases = {
      {"nothing new", link_message(RTM_NEWLINK, 3, "wan", running), false},
      {"carrier lost", link_message(RTM_NEWLINK, 3, "wan", IFF_UP), false},
      {"set down", link_message(RTM_NEWLINK, 3, "wan", 0), true},
      {"deleted", link_message(RTM_DELLINK, 3, "wan", 0), true},
      {"address added", address_message(RTM_NEWADDR, 3, "192.0.2.3/24"), false},
      {"address removed", address_message(RTM_DELADDR, 3, "192.0.2.2/24"), true},
      {"default route", default_route_message(RTM_NEWROUTE, AF_INET, 3, "192.0.2.1"), true},
      {"default route gone", default_route_message(RTM_DELROUTE, AF_INET6, 3, "fe80::1"), true},
  };
  for (const auto& [what, event, stale] : cases) {
    LinkTable fresh;
    fresh.apply(as_received(link_message(RTM_NEWLINK, 3, "wan", running)));
    fresh.apply(as_received(address_message(RTM_NEWADDR, 3, "192.0.2.2/24")));
    fresh.set_default_routes({});
    fresh.apply(as_received(event));
    EXPECT_EQ(fresh.routes_stale(), stale) << what;
  }
}

TEST_F(LinkTableTest, ADumpReplacesWhatWasKnown) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.2/24"));
  table_.set_addresses({});
  EXPECT_TRUE(addresses().empty());
  table_.set_links({});
  EXPECT_FALSE(table_.state("wan").present);
}

TEST_F(LinkTableTest, KnowsTheNetworksThatALinkReachesByItself) {
  apply(link_message(RTM_NEWLINK, 3, "lan", running));
  for (const char* text : {"192.0.2.5/24", "192.0.2.6/24", "fd00::1/64"}) apply(address_message(RTM_NEWADDR, 3, text));
  apply(address_message(RTM_NEWADDR, 3, "fd01::1/64", IFA_F_TENTATIVE));
  apply(address_message(RTM_NEWADDR, 3, "fd02::1/64", IFA_F_TENTATIVE | IFA_F_DADFAILED));
  Texts networks;
  for (const auto& one : table_.state("lan").networks) networks.push_back(one.to_string());
  EXPECT_EQ(networks, (Texts{"192.0.2.0/24", "fd00::/64", "fd01::/64"}));
}

TEST_F(LinkTableTest, FindsTheInterfaceThatHasAnAddressNow) {
  const auto found = [this] { return table_.interface_with(address("192.0.2.5")); };
  EXPECT_EQ(found(), "");
  apply(link_message(RTM_NEWLINK, 1, "lo", running | IFF_LOOPBACK));
  apply(address_message(RTM_NEWADDR, 1, "192.0.2.5/32"));
  EXPECT_EQ(found(), "") << "the loopback leads nowhere";
  apply(link_message(RTM_NEWLINK, 3, "wan3", 0));
  apply(address_message(RTM_NEWADDR, 3, "192.0.2.5/24"));
  EXPECT_EQ(found(), "wan3");
  apply(link_message(RTM_NEWLINK, 4, "wan4", running));
  apply(address_message(RTM_NEWADDR, 4, "192.0.2.5/24"));
  EXPECT_EQ(found(), "wan4") << "which carries";
  apply(link_message(RTM_NEWLINK, 3, "wan3", running));
  EXPECT_EQ(found(), "wan3");
  apply(address_message(RTM_DELADDR, 3, "192.0.2.5/24"));
  EXPECT_EQ(found(), "wan4");
  apply(link_message(RTM_DELLINK, 4, "wan4", 0));
  EXPECT_EQ(found(), "");
  apply(address_message(RTM_NEWADDR, 3, "2001:db8::5/64", IFA_F_TENTATIVE));
  EXPECT_EQ(table_.interface_with(address("2001:db8::5")), "") << "it may turn out to be another's";
}

TEST_F(LinkTableTest, FindsTheInterfacesOfAVlanByTheirNames) {
  int ifindex = 3;
  for (const char* name : {"eth0", "eth0.31", "eth1.31", "eth0.3", "eth0.131"}) {
    apply(link_message(RTM_NEWLINK, ifindex++, name, running));
  }
  EXPECT_EQ(table_.vlan_interfaces(31, ""), (Texts{"eth0.31", "eth1.31"}));
  EXPECT_EQ(table_.vlan_interfaces(31, "eth1"), (Texts{"eth1.31"}));
  EXPECT_EQ(table_.vlan_interfaces(32, ""), Texts());
}

TEST_F(LinkTableTest, OurOwnRoutesSayNothingOfAGateway) {
  apply(link_message(RTM_NEWLINK, 3, "wan", running));
  RouteMessage ours = route("192.0.2.9", 3, 1, 10'000);
  ours.protocol = our_protocol;
  table_.set_default_routes({ours});
  EXPECT_EQ(table_.state("wan").gateway4, std::nullopt);
  table_.set_default_routes({ours, route("192.0.2.1", 3, 100, RT_TABLE_MAIN)});
  EXPECT_EQ(table_.state("wan").gateway4, address("192.0.2.1"));
}

}  // namespace
}  // namespace mpquic::system
