#include "policy/advertised_plan.h"

#include <algorithm>

#include "policy/destinations.h"
#include "policy/plan_fixture.h"

namespace mpquic::policy {
namespace {

using Texts = std::vector<std::string>;
using Family = packet::Address::Family;

constexpr std::uint32_t nearer = 10'125, advertised_table = 10'127, link_table = 10'124;

/// The box of PlanTest, without rules, and both of its tunnels over h3.
class AdvertisedPlanTest : public PlanTest {
 protected:
  AdvertisedPlanTest() {
    client_.classify.clear();
    links_["wan"].addresses = {address("192.0.2.9")};
    for (auto& tunnel : client_.tunnels) {
      tunnel.addresses.clear();
      tunnel.auto_address = true;
      tunnel.paths = {{std::string("w"), config::ServerAddress(), config::Alpn::h3}};
    }
    up_ = {"cr"};
    give("cr", {"10.1.0.1/32"}, {"0.0.0.0/0"});
  }
  void give(const std::string& tunnel, const Texts& addresses, const Texts& routes) {
    HandedOut given;
    for (const auto& one : addresses) given.addresses.push_back(interface_address(one.c_str()));
    for (const auto& one : routes) given.routes.push_back(prefix(one.c_str()));
    handed_out_[tunnel] = given;
  }
  /// "DESTINATION METRIC:IFINDEX", of a table.
  Texts routes(std::uint32_t table = advertised_table) {
    Texts found;
    for (const auto& route : plan().routing.routes) {
      if (route.table != table) continue;
      found.push_back(route.destination.to_string() + " " + std::to_string(route.metric) + ":" +
                      std::to_string(route.ifindex));
    }
    return found;
  }
  /// All but those of links, as they are looked up.
  Texts rules() {
    auto all = plan().routing.rules;
    std::ranges::sort(all, {}, [](const auto& rule) { return std::pair(rule.family, rule.priority); });
    Texts found;
    for (const auto& rule : all) {
      if (rule.output_interface.empty()) found.push_back(rule.to_string());
    }
    return found;
  }
};

TEST_F(AdvertisedPlanTest, StandInATableOfTheirOwnWhileTheTunnelIsUp) {
  EXPECT_EQ(routes(), Texts{"0.0.0.0/0 10:4"});
  EXPECT_EQ(rules(), (Texts{"ipv4 fwmark 0x0/0xfff00000 lookup 254 suppress_prefixlength 0 priority 10125",
                            "ipv4 from 192.0.2.9/32 fwmark 0x0/0xfff00000 lookup 10124 priority 10126",
                            "ipv4 fwmark 0x0/0xfff00000 lookup 10127 priority 10127"}));
  EXPECT_EQ(plan().ruleset, "") << "it takes no nftables";
  up_.clear();
  EXPECT_EQ(routes(), Texts());
  EXPECT_EQ(rules(), Texts());
  up_ = {"cr"};
  links_["cr"].up = false;
  EXPECT_EQ(routes(), Texts());
}

TEST_F(AdvertisedPlanTest, ComeAfterTheRulesOfLinks) {
  for (const auto& rule : plan().routing.rules) {
    EXPECT_EQ(rule.priority == link_table, !rule.output_interface.empty()) << rule.to_string();
  }
  EXPECT_EQ(routes(link_table), (Texts{"192.0.2.0/24 1:2", "0.0.0.0/0 10:2"}));
  EXPECT_LT(link_table, nearer);
}

TEST_F(AdvertisedPlanTest, AreThoseThatTheTunnelAccepts) {
  give("cr", {"10.1.0.1/32"}, {"10.0.0.0/8", "172.16.0.0/12"});
  EXPECT_EQ(routes(), (Texts{"10.0.0.0/8 10:4", "172.16.0.0/12 10:4"}));
  client_.tunnels[0].accept_routes = {prefix("172.16.0.0/16")};
  EXPECT_EQ(routes(), Texts{"172.16.0.0/16 10:4"});
  client_.tunnels[0].accept_routes.clear();
  EXPECT_EQ(routes(), Texts());
  EXPECT_EQ(rules(), Texts());
}

TEST_F(AdvertisedPlanTest, OfAnIpVersionWithoutAnAddressLeadNowhere) {
  give("cr", {"10.1.0.1/32"}, {"0.0.0.0/0", "::/0"});
  EXPECT_EQ(routes(), Texts{"0.0.0.0/0 10:4"});
  give("cr", {"fd00::2/128"}, {"0.0.0.0/0", "::/0"});
  EXPECT_EQ(routes(), Texts{"::/0 10:4"});
  EXPECT_EQ(rules(), (Texts{"ipv6 fwmark 0x0/0xfff00000 lookup 254 suppress_prefixlength 0 priority 10125",
                            "ipv6 fwmark 0x0/0xfff00000 lookup 10127 priority 10127"}));
  links_["wan"].addresses = {address("192.0.2.9"), address("2001:db8::9")};
  EXPECT_EQ(rules()[1], "ipv6 from 2001:db8::9/128 fwmark 0x0/0xfff00000 lookup 10124 priority 10126");
}

TEST_F(AdvertisedPlanTest, OfTwoTunnelsTheFirstOfTheFileThatIsUpIsTaken) {
  give("df", {"10.2.0.1/32"}, {"0.0.0.0/0", "10.0.0.0/8"});
  up_ = {"cr", "df"};
  EXPECT_EQ(routes(), (Texts{"0.0.0.0/0 10:4", "0.0.0.0/0 11:5", "10.0.0.0/8 11:5"}));
  up_ = {"df"};
  EXPECT_EQ(routes(), (Texts{"0.0.0.0/0 11:5", "10.0.0.0/8 11:5"}));
}

TEST_F(AdvertisedPlanTest, WhatIsSentFromATunnelsAddressGoesIntoThatTunnel) {
  give("df", {"10.2.0.1/32"}, {"10.0.0.0/8"});
  up_ = {"cr"};
  EXPECT_EQ(rules().size(), 3u) << "there is but one way";
  up_ = {"cr", "df"};
  EXPECT_EQ(rules()[1], "ipv4 from 10.1.0.1/32 fwmark 0x0/0xfff00000 lookup 10064 priority 10126");
  EXPECT_EQ(rules()[2], "ipv4 from 10.2.0.1/32 fwmark 0x0/0xfff00000 lookup 10065 priority 10126");
  EXPECT_EQ(routes(10'064), Texts{"0.0.0.0/0 10:4"});
  EXPECT_EQ(routes(10'065), Texts{"10.0.0.0/8 10:5"});
  EXPECT_EQ(plan().ruleset, "") << "it takes no nftables";

  config::ClassRule rule;
  rule.traffic.interfaces = {std::string("lan")};
  rule.tunnel = std::string("cr");
  client_.classify = {rule};
  const auto all = rules();
  EXPECT_EQ(std::ranges::count(all, "ipv4 from 10.2.0.1/32 fwmark 0x0/0xfff00000 lookup 10065 priority 10126"), 1);
  const auto own = routes(10'065);
  EXPECT_EQ(std::ranges::count(own, "0.0.0.0/0 10:5"), 1) << "the table that rules lead to";
  EXPECT_EQ(std::ranges::count(own, "10.0.0.0/8 10:5"), 0);
}

TEST_F(AdvertisedPlanTest, WhatIsSentFromTheManagementsAddressStaysThere) {
  management_.emplace().interface = "mgmt";
  links_["mgmt"] = link(9, "198.51.100.0/24");
  links_["mgmt"].addresses = {address("198.51.100.7")};
  EXPECT_EQ(rules()[1], "ipv4 from 192.0.2.9/32 fwmark 0x0/0xfff00000 lookup 10124 priority 10126");
  EXPECT_EQ(rules()[2], "ipv4 from 198.51.100.7/32 fwmark 0x0/0xfff00000 lookup 254 priority 10126");
}

TEST_F(AdvertisedPlanTest, LinksOnOneInterfaceMakeOneRuleForAnAddress) {
  client_.links.push_back({"w2", {}, "wan", {}});
  EXPECT_EQ(rules().size(), 3u);
  EXPECT_EQ(rules()[1], "ipv4 from 192.0.2.9/32 fwmark 0x0/0xfff00000 lookup 10124 priority 10126");
}

TEST_F(AdvertisedPlanTest, AStrictReversePathCheckIsLoosenedAtTheTunnel) {
  sysctls_["net/ipv4/conf/all/rp_filter"] = "1";
  EXPECT_EQ(plan().sysctls["net/ipv4/conf/cr/rp_filter"], "2");
  client_.tunnels[0].accept_routes.clear();
  EXPECT_FALSE(plan().sysctls.contains("net/ipv4/conf/cr/rp_filter"));
}

TEST_F(AdvertisedPlanTest, OverMpquicIpThereAreNone) {
  for (auto& tunnel : client_.tunnels) tunnel.paths.front().alpn = config::Alpn::mpquic_ip;
  EXPECT_EQ(routes(), (Texts{"192.0.2.0/24 1:2", "0.0.0.0/0 10:2"})) << "the number is the link's";
  EXPECT_EQ(rules(), Texts());
}

TEST_F(AdvertisedPlanTest, ClassifiedTrafficGoesIntoATunnelThatHasAnAddressForIt) {
  config::ClassRule rule;
  rule.traffic.interfaces = {std::string("lan")};
  rule.tunnel = std::string("cr");
  client_.classify = {rule};
  const auto ways = [this] {
    Texts found;
    for (const std::string& route : routes(10'064)) {
      if (route.find("/0 ") != std::string::npos) found.push_back(route);
    }
    return found;
  };
  EXPECT_EQ(ways(), (Texts{"0.0.0.0/0 10:4", "0.0.0.0/0 1000:0", "::/0 1000:0"}));
  EXPECT_FALSE(plan().sysctls.contains("net/ipv6/conf/all/forwarding"));
  give("cr", {"10.1.0.1/32", "fd00::2/128"}, {});
  EXPECT_EQ(ways(), (Texts{"0.0.0.0/0 10:4", "0.0.0.0/0 1000:0", "::/0 10:4", "::/0 1000:0"}));
  EXPECT_EQ(plan().sysctls["net/ipv6/conf/all/forwarding"], "1");
  handed_out_.clear();
  EXPECT_EQ(ways(), (Texts{"0.0.0.0/0 1000:0", "::/0 1000:0"}));
}

TEST_F(AdvertisedPlanTest, TheNodesNumbersAreEnoughForAll) {
  EXPECT_EQ(count_for_destinations(client_) + client_.links.size() + config::tables_for_advertised_routes, 64u);
  config::Configuration configuration;
  configuration.node = client_;
  EXPECT_EQ(
      table_purposes(configuration),
      (std::map<std::uint32_t, std::string>{{0, "tunnel.cr"}, {1, "tunnel.df"}, {60, "link.w"}, {63, "advertised"}}));
}

}  // namespace
}  // namespace mpquic::policy
