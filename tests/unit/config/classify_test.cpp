#include "config/loading.h"

namespace mpquic::config {
namespace {

using ClassifyFile = Loading;

// Lines 4 to 9.
const std::string start = client_start +
                          "links: {wan: {interface: eth1}}\n"
                          "tunnels:\n"
                          "  cr: {links: [wan], class: critical, address: 10.1.0.1/24, masquerade: true}\n"
                          "  df: {links: [wan], address: 10.2.0.1/24}\n"
                          "  bk: {links: [wan], class: bulk, address: 10.3.0.1/24}\n"
                          "classify:\n";

TEST_F(ClassifyFile, ARuleMayNameAllThatAPacketHas) {
  const Configuration loaded =
      good(start +
           "  - {interface: [lan0, lan1], vlan: [21, 22], source: [10.9.0.0/16, 'fd00::/8'], destination: 192.0.2.1,\n"
           "     protocol: udp, source_port: 5060, destination_port: [53, 10000-20000], dscp: [ef, 10], tunnel: cr,\n"
           "     fallback: df}\n");
  ASSERT_EQ(loaded.client()->classify.size(), 1U);
  const ClassRule& rule = loaded.client()->classify[0];
  EXPECT_EQ(rule.tunnel.value, "cr");
  EXPECT_EQ(rule.fallback->value, "df");
  EXPECT_EQ(rule.traffic.interfaces.size(), 2U);
  EXPECT_EQ(rule.traffic.vlans[1].value, 22U);
  EXPECT_EQ(rule.traffic.sources[0]->to_string(), "10.9.0.0/16");
  EXPECT_EQ(rule.traffic.destinations[0]->to_string(), "192.0.2.1/32");
  EXPECT_EQ(rule.traffic.protocol->value, 17);
  EXPECT_EQ(rule.traffic.source_ports[0]->first, 5060);
  EXPECT_EQ(rule.traffic.destination_ports[1]->last, 20000);
  EXPECT_EQ(rule.traffic.dscp[0].value, 46);
  EXPECT_EQ(rule.place.line, 10U);
  EXPECT_TRUE(loaded.client()->tunnels[0].masquerade);
  EXPECT_FALSE(loaded.client()->tunnels[1].masquerade);
}

TEST_F(ClassifyFile, AClassStandsForItsOnlyTunnel) {
  EXPECT_EQ(good(start + "  - {interface: lan0, class: bulk}\n").client()->classify[0].tunnel.value, "bk");
}

TEST_F(ClassifyFile, AVlanSchemeIsOneLineForAllClassesOfALan) {
  const auto rules = good(start +
                          "  - {vlan: 2Y, tunnels: {1: cr, 2: bk, 9: df}}\n"
                          "  - {vlan: Y, tunnels: {3: cr}}\n")
                         .client()
                         ->classify;
  ASSERT_EQ(rules.size(), 4U);
  const std::pair<unsigned, std::string> expected[] = {{21, "cr"}, {22, "bk"}, {29, "df"}, {3, "cr"}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(rules[i].traffic.vlans[0].value, expected[i].first);
    EXPECT_EQ(rules[i].tunnel.value, expected[i].second);
  }
}

TEST_F(ClassifyFile, AVlanIsAnotherInterfaceThanTheOneBelowIt) {
  const std::string plain = "  - {interface: lan0, tunnel: df}\n",
                    tagged = "  - {interface: lan0, vlan: 21, tunnel: cr}\n";
  EXPECT_EQ(errors(start + plain + tagged), Lines());
  EXPECT_EQ(errors(start + tagged + plain), Lines());
}

TEST_F(ClassifyFile, EachMistakeIsNamedWhereItStands) {
  const struct {
    std::string rules;
    Lines errors;
  } table[] = {
      {"  - {interface: lan0, tunnel: cx}\n", {"10:31: no tunnel is named \"cx\" (did you mean \"cr\"?)"}},
      {"  - {interface: lan0, tunnel: cr, fallback: cr}\n", {"10:45: the fallback of \"cr\" is itself"}},
      {"  - {interface: lan0}\n", {"10:5: the rule lacks the key \"tunnel\""}},
      {"  - {interface: lan0, class: urgent}\n", {"10:30: class: \"urgent\" is none of critical, default, bulk"}},
      {"  - {vlan: 4095, tunnel: cr}\n", {"10:12: vlan: VLAN 4095 is out of range (1 to 4094)"}},
      {"  - {vlan: 2Y, tunnels: {0: cr}}\n",
       {"10:26: \"0\" is no digit that the Y of the VLAN could stand for (1 to 9)"}},
      {"  - {interface: lan0, destination_port: 53, tunnel: cr}\n",
       {"10:41: ports need a protocol that has them (tcp, udp, sctp, dccp)"}},
      {"  - {protocol: tcp, destination_port: 90-80, tunnel: cr}\n",
       {"10:39: destination_port: \"90-80\" is no port or range of ports, such as 5060 or 10000-20000"}},
      {"  - {source: 10.0.0.0/8, destination: 'fd00::/8', tunnel: cr}\n",
       {"10:39: sources and destinations are of two IP versions"}},
      {"  - {dscp: 64, tunnel: cr}\n", {"10:12: dscp: DSCP 64 is out of range (0 to 63)"}},
      {"  - {source: 10.0.0.0/8, tunnel: cr}\n  - {source: 10.1.0.0/16, interface: lan0, tunnel: df}\n",
       {"11:5: this rule can never match: the one on line 10 takes all of it"}},
      {"  - {tunnel: cr}\n  - {vlan: 21, tunnel: df}\n",
       {"11:5: this rule can never match: the one on line 10 takes all of it"}},
      {"  - {interfaces: lan0, tunnel: cr}\n", {"10:6: unknown key \"interfaces\" (did you mean \"interface\"?)"}},
      {"  - {vlan: 21, tunnels: {1: cr}}\n", {"10:5: tunnels go with one VLAN scheme, such as vlan: 2Y"}},
      {"  - lan0\n", {"10:5: the rule must be a map (key: value), not a single value"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(start + row.rules), row.errors) << row.rules;
}

TEST_F(ClassifyFile, NarrowRulesMayStandBeforeWideOnes) {
  EXPECT_EQ(
      errors(start + "  - {source: 10.1.0.0/16, tunnel: cr}\n  - {source: 10.0.0.0/8, tunnel: df}\n"
                     "  - {protocol: udp, destination_port: 53, tunnel: cr}\n"
                     "  - {protocol: udp, destination_port: 50-60, tunnel: df}\n  - {interface: lan0, tunnel: bk}\n"),
      Lines());
}

TEST_F(ClassifyFile, AServerHasAnEgressAndForwards) {
  const std::string server = server_start +
                             "tunnels: {mt: {address: 10.1.0.254/24}}\n"
                             "clients: {box1: {prefixes: [10.1.0.1, 172.16.0.0/24]}}\n"
                             "egress: {interface: eth0, masquerade: true}\n";
  const Configuration loaded = good(server +
                                    "forward:\n  - {udp: 5060, to: 172.16.0.2}\n"
                                    "  - {tcp: 8443, to: 172.16.0.3, to_port: 443}\n");
  EXPECT_EQ(loaded.server()->egress->interface, "eth0");
  EXPECT_TRUE(loaded.server()->egress->masquerade);
  ASSERT_EQ(loaded.server()->forwards.size(), 2U);
  EXPECT_EQ(loaded.server()->forwards[0].protocol, 17);
  EXPECT_EQ(loaded.server()->forwards[1].to_port, 443);

  const struct {
    std::string forwards;
    Lines errors;
  } table[] = {
      {"forward: {udp: 5060, to: 172.17.0.2}\n", {"7:26: no client owns 172.17.0.2"}},
      {"forward: {to: 172.16.0.2}\n", {"7:10: a forward names a port: {udp: 5060, to: ADDRESS}, or tcp"}},
      {"forward:\n  - {udp: 5060-5070, to: 172.16.0.2}\n  - {udp: 5065, to: 172.16.0.3}\n",
       {"9:5: port 5065 is forwarded already (line 8)"}},
      {"forward: {udp: 40000-50000, to: 172.16.0.2}\n",
       {"7:10: port 45010 is the one that the server listens on itself"}},
      {"forward: {udp: 5060-5070, to: 172.16.0.2, to_port: 80}\n",
       {"7:10: to_port: only a single port can become another one"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(server + row.forwards), row.errors) << row.forwards;
}

}  // namespace
}  // namespace mpquic::config
