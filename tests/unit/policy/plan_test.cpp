#include <algorithm>
#include <tuple>

#include "policy/plan_fixture.h"

namespace mpquic::policy {
namespace {

using Texts = std::vector<std::string>;

constexpr std::uint32_t cr_table = 10'064, cr_or_df_table = 10'066, link_table = 10'127;

TEST_F(PlanTest, ALinkHasATableWithItsOwnGateway) {
  EXPECT_EQ(ways(link_table), (Texts{"10:2"}));
  leased_ = address("192.0.2.99");
  EXPECT_EQ(plan().routing.routes[1].gateway, address("192.0.2.1")) << "the kernel knows better";
  links_["wan"].gateway4.reset();
  EXPECT_EQ(plan().routing.routes[1].gateway, address("192.0.2.99"));
  leased_.reset();
  EXPECT_EQ(ways(link_table), Texts());
  EXPECT_EQ(plan().waiting, (Texts{"link w: interface wan has no gateway"}));
}

TEST_F(PlanTest, ATunnelThatIsDownLeavesOnlyThatThereIsNoWay) {
  EXPECT_EQ(ways(cr_table), (Texts{"1000:0"}));
  up_ = {"cr"};
  EXPECT_EQ(ways(cr_table), (Texts{"10:4", "1000:0"}));
  links_["cr"] = {};
  EXPECT_EQ(ways(cr_table), (Texts{"1000:0"}));
}

TEST_F(PlanTest, AFallbackHasATableOfItsOwn) {
  client_.classify[0].fallback = std::string("df");
  up_ = {"df"};
  EXPECT_EQ(ways(cr_or_df_table), (Texts{"20:5", "1000:0"}));
  EXPECT_EQ(ways(cr_table), (Texts{"1000:0"})) << "what names no fallback has none";
}

TEST_F(PlanTest, AMarkMeansTheSameTunnelWhateverTheRules) {
  const auto marks = [&] {
    std::map<std::uint32_t, std::uint32_t> tables;
    for (const auto& rule : plan().routing.rules) {
      if (rule.mask != 0) tables[rule.mark] = rule.table;
    }
    return tables;
  };
  const auto before = marks();
  client_.classify.insert(client_.classify.begin(), client_.classify[0]);
  client_.classify[0].tunnel = std::string("df");
  EXPECT_EQ(marks(), before);
  numbers_ = {{"cr", 0}, {"df", 1}};
  std::ranges::reverse(client_.tunnels);
  EXPECT_EQ(marks(), before);
}

TEST_F(PlanTest, AMarkMeansTheSameTunnelWhateverWasThereBefore) {
  numbers_ = {{"old", 0}, {"df", 3}};
  up_ = {"cr", "df"};
  EXPECT_EQ(ways(10'064), Texts()) << "connections of the old one go nowhere else";
  EXPECT_EQ(ways(10'065), (Texts{"10:4", "1000:0"}));
  EXPECT_EQ(ways(10'067), (Texts{"10:5", "1000:0"}));
  EXPECT_NE(plan().ruleset.find("chain number/0/old {"), std::string::npos);
}

TEST_F(PlanTest, WithoutRulesTheLanIsNoneOfItsBusiness) {
  client_.classify.clear();
  const Plan without = plan();
  EXPECT_EQ(without.ruleset, "");
  EXPECT_FALSE(without.sysctls.contains("net/ipv4/ip_forward"));
}

TEST_F(PlanTest, OnlyAStrictReversePathCheckIsLoosened) {
  EXPECT_FALSE(plan().sysctls.contains("net/ipv4/conf/wan/rp_filter"));
  sysctls_["net/ipv4/conf/all/rp_filter"] = "1";
  EXPECT_EQ(plan().sysctls["net/ipv4/conf/wan/rp_filter"], "2");
}

TEST_F(PlanTest, WhatIsForALanStaysOutOfTheTunnelsWhetherRulesNameItOrNot) {
  links_["quiet"] = link(9, "172.16.9.0/24");
  client_.lans = {{.name = "quiet", .interface = "quiet"}};
  const system::PolicyRoute local{10'065, prefix("172.16.9.0/24"), 1, 9, std::nullopt};
  EXPECT_EQ(std::ranges::count(plan().routing.routes, local), 1);
}

TEST_F(PlanTest, ALinkOnAVlanThatIsAboutToBeMadeIsNotWaitedFor) {
  client_.links = {{.name = "w", .interface = "wan.7", .vlan = config::Vlan{"wan", 7}}};
  EXPECT_EQ(plan().waiting, Texts());
  EXPECT_EQ(plan().devices.vlans, (std::vector<system::VlanDevice>{{"wan.7", "wan", 7}}));
  EXPECT_EQ(ways(link_table), Texts());
}

TEST_F(PlanTest, WhereTheMainTableLeadsNowhereEvenALooseReversePathCheckIsTooStrict) {
  has_default_route_ = false;
  sysctls_["net/ipv4/conf/wan/rp_filter"] = "2";
  sysctls_["net/ipv4/conf/all/rp_filter"] = "0";
  EXPECT_EQ(plan().sysctls["net/ipv4/conf/wan/rp_filter"], "0");
  EXPECT_EQ(plan().waiting, Texts());
  sysctls_["net/ipv4/conf/all/rp_filter"] = "2";
  EXPECT_EQ(plan().waiting.size(), 1U) << "that of all interfaces is not ours to change";
}

TEST_F(PlanTest, AnInterfaceWhoseSettingsCouldNotBeRememberedKeepsThem) {
  client_.links[0].interface = "w+1";
  links_["w+1"] = links_["wan"];
  sysctls_["net/ipv4/conf/w+1/rp_filter"] = "1";
  EXPECT_FALSE(plan().sysctls.contains("net/ipv4/conf/w+1/rp_filter"));
  EXPECT_EQ(plan().waiting.size(), 1U);
}

TEST_F(PlanTest, ALanThatIsDownHasNoRoutes) {
  const auto to_lan = [&] {
    const Plan now = plan();
    return std::ranges::count(now.routing.routes, prefix("172.16.0.0/24"), &system::PolicyRoute::destination);
  };
  EXPECT_EQ(to_lan(), 2);
  links_["lan"].up = false;
  EXPECT_EQ(to_lan(), 0);
}

TEST_F(PlanTest, OfTwoRoutesToOnePlaceOneIsMade) {
  links_["lan9"] = link(9, "172.16.0.0/24");
  client_.classify[0].traffic.interfaces.emplace_back("lan9");
  std::set<std::tuple<std::uint32_t, packet::Prefix, std::uint32_t>> places;
  for (const auto& route : plan().routing.routes) {
    EXPECT_TRUE(places.emplace(route.table, route.destination, route.metric).second) << route.to_string();
  }
}

TEST_F(PlanTest, TcpFitsEachTunnelBothWays) {
  links_["cr"].mtu = 1300;
  const std::string rules = plan().ruleset;
  for (const char* part :
       {"iifname \"cr\" meta nfproto ipv4", "oifname \"cr\" meta nfproto ipv6", "set 1260", "set 1240"}) {
    EXPECT_NE(rules.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(rules.find("iifname \"df\" meta nfproto"), std::string::npos) << "it has no MTU yet";
}

TEST_F(PlanTest, ARuleForAnInterfaceThatIsMissingStandsAndIsWaitedFor) {
  links_["lan"] = {};
  EXPECT_NE(plan().ruleset.find("iifname { \"lan\" } goto"), std::string::npos);
  EXPECT_EQ(plan().waiting, (Texts{"line 0: interface lan does not exist"}));
}

TEST_F(PlanTest, ALinkWithoutAnInterfaceIsWhereItsAddressIs) {
  client_.links = {{"w", {}, "", packet::Address::parse("192.0.2.5").value()}};
  EXPECT_EQ(plan().waiting, (Texts{"link w: no interface has the address 192.0.2.5"}));
  EXPECT_EQ(ways(link_table), Texts());
  sysctls_["net/ipv4/conf/all/rp_filter"] = "1";
  holder_ = "wan";
  EXPECT_EQ(plan().waiting, Texts());
  EXPECT_EQ(ways(link_table), (Texts{"10:2"}));
  EXPECT_EQ(plan().routing.rules.front().output_interface, "wan");
  EXPECT_TRUE(plan().sysctls.contains("net/ipv4/conf/wan/rp_filter"));
}

class ServerPlanTest : public PlanTest {
 protected:
  ServerPlanTest() {
    config::ServerTunnel tunnel;
    tunnel.name = "cr";
    tunnel.addresses = {interface_address("10.1.0.254/24")};
    server_.tunnels = {tunnel};
  }
  void own(const char* name, const char* owned) { server_.clients.push_back({name, {}, {}, {prefix(owned)}}); }
  /// "TABLE DESTINATION", of all of the plan's.
  Texts routes() {
    Texts found;
    for (const auto& route : plan_of(server_).routing.routes) {
      found.push_back(std::to_string(route.table) + " " + route.destination.to_string());
    }
    return found;
  }

  config::ServerConfig server_;
};

TEST_F(ServerPlanTest, WhatAClientOwnsBehindItsTunnelIsRoutedThere) {
  own("box1", "172.16.0.0/24");
  EXPECT_EQ(routes(), (Texts{"254 172.16.0.0/24"}));
  EXPECT_EQ(plan_of(server_).ruleset, "");
}

TEST_F(ServerPlanTest, ClientsReachEachOtherOnlyWhereTheFileSaysSo) {
  const std::string between = "oifname { \"cr\" } iifname { \"cr\" } ";
  EXPECT_EQ(plan_of(server_).ruleset, "") << "without egress forwarding is the administrator's";
  server_.egress = {.interface = "wan"};
  EXPECT_NE(plan_of(server_).ruleset.find(between + "reject with icmpx type admin-prohibited\n"), std::string::npos);
  server_.between_clients = true;
  EXPECT_NE(plan_of(server_).ruleset.find(between + "accept\n"), std::string::npos);
}

TEST_F(ServerPlanTest, WhatEverybodyMayUseIsRoutedByConnectionAlone) {
  own("*", "10.1.0.0/24");
  EXPECT_EQ(routes(), Texts());
  EXPECT_EQ(plan_of(server_).ruleset, "") << "the tunnel's own network needs nothing";
  own("*", "10.0.0.0/8");
  sysctls_["net/ipv4/conf/all/rp_filter"] = "1";
  EXPECT_EQ(routes(), (Texts{"10064 10.0.0.0/8"}));
  const Plan plan = plan_of(server_);
  for (const char* part : {"type filter hook prerouting", "type route hook output", "iifname \"cr\" ct mark set"}) {
    EXPECT_NE(plan.ruleset.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(plan.routing.rules.size(), 2u) << "one for each IP version";
  EXPECT_TRUE(plan.sysctls.contains("net/ipv4/conf/cr/rp_filter"));
}

}  // namespace
}  // namespace mpquic::policy
