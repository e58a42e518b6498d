#include "config/describe.h"
#include "config/loading.h"

namespace mpquic::config {
namespace {

using DevicesFile = Loading;

// Lines 4 and 5.
const std::string start = client_start +
                          "links: {wan: {interface: eth1}}\n"
                          "tunnels: {cr: {links: [wan], address: 10.1.0.1/24}}\n";

std::string with_lans(const std::string& lans) { return start + "lans:\n" + lans; }

TEST_F(DevicesFile, ALanMayBeAVlanAndHaveAddresses) {
  const Configuration loaded =
      good(with_lans("  office: {interface: lan0, address: [172.16.1.1/24, 'fd00:16:1::1/64']}\n"
                     "  guests: {interface: lan0, vlan: 21, address: 172.16.2.1/24}\n"
                     "  cameras: {interface: lan1}\n"
                     "classify: [{lan: [guests, cameras], tunnel: cr}]\n"));
  const auto& lans = loaded.client()->lans;
  ASSERT_EQ(lans.size(), 3U);
  EXPECT_EQ(lans[0].name, "office");
  EXPECT_EQ(lans[0].interface, "lan0");
  EXPECT_FALSE(lans[0].vlan);
  EXPECT_EQ(lans[0].addresses[1]->to_string(), "fd00:16:1::1/64");
  EXPECT_EQ(lans[1].interface, "lan0.21");
  EXPECT_EQ(lans[1].vlan, (Vlan{"lan0", 21}));
  EXPECT_TRUE(lans[2].addresses.empty());
  const auto& interfaces = loaded.client()->classify[0].traffic.interfaces;
  ASSERT_EQ(interfaces.size(), 2U);
  EXPECT_EQ(interfaces[0].value, "lan0.21");
  EXPECT_EQ(interfaces[1].value, "lan1");
}

TEST_F(DevicesFile, ALinkMayBeAVlanAndHaveAStaticAddress) {
  const Configuration loaded = good(client_start +
                                    "links:\n"
                                    "  a: {interface: eth1, vlan: 7, address: 198.51.100.7/24, gateway: 198.51.100.1}\n"
                                    "  b: {interface: eth1, address: 198.51.100.8}\n"
                                    "  c: {interface: eth1, address: 198.51.100.9}\n"
                                    "tunnels: {cr: {links: [a], address: 10.1.0.1/24}}\n");
  const auto& links = loaded.client()->links;
  EXPECT_EQ(links[0].interface, "eth1.7");
  EXPECT_EQ(links[0].vlan, (Vlan{"eth1", 7}));
  EXPECT_EQ(links[0].source->value.to_string(), "198.51.100.7");
  EXPECT_EQ(links[0].source_length, 24U);
  EXPECT_EQ(links[0].gateway->value.to_string(), "198.51.100.1");
  EXPECT_EQ(links[1].source->value.to_string(), "198.51.100.8");
  EXPECT_FALSE(links[1].source_length);
  EXPECT_EQ(links[2].interface, "eth1") << "links may share an interface";
}

TEST_F(DevicesFile, EitherRoleMayNameItsManagementInterface) {
  const Configuration client = good(start + "management: {interface: eth9, address: dhcp}\n");
  EXPECT_EQ(client.management->interface, "eth9");
  EXPECT_TRUE(client.management->addresses.empty());
  const Configuration server = good(server_start +
                                    "tunnels: {mt: {address: 10.1.0.254/24}}\n"
                                    "clients: {box1: {prefixes: [10.1.0.1]}}\n"
                                    "egress: {interface: eth0}\n"
                                    "management: {interface: eth0, address: [192.0.2.9/24, '2001:db8::9/64'],\n"
                                    "             gateway: 192.0.2.1}\n");
  EXPECT_EQ(server.management->addresses.size(), 2U);
  EXPECT_EQ(server.management->gateway->value.to_string(), "192.0.2.1");
}

TEST_F(DevicesFile, CheckTellsOfThem) {
  const std::string text =
      describe(good(with_lans("  office: {interface: lan0, vlan: 21, address: [172.16.1.1/24, 172.16.1.2/24]}\n"
                              "management: {interface: eth9, address: dhcp}\n")));
  EXPECT_NE(text.find("lan office: interface lan0.21, VLAN 21 on lan0, has 172.16.1.1/24, 172.16.1.2/24\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("managed by interface eth9, which is left alone\n"), std::string::npos) << text;
}

TEST_F(DevicesFile, EachMistakeIsNamedWhereItStands) {
  const struct {
    std::string rest;
    Lines errors;
  } table[] = {
      {"lans: {a: {interface: lan0, vlan: 0}}\n", {"6:35: vlan: VLAN 0 is out of range (1 to 4094)"}},
      {"lans: {a: {interface: lan0, vlan: 4095}}\n", {"6:35: vlan: VLAN 4095 is out of range (1 to 4094)"}},
      {"lans: {a: {interface: lan0, vlan: blue}}\n", {"6:35: vlan: \"blue\" is no VLAN id"}},
      {"lans: {a: {vlan: 5}}\n", {"6:8: lan \"a\" lacks the key \"interface\""}},
      {"lans: {a: {interface: lan0, vlans: 5}}\n", {"6:29: unknown key \"vlans\" (did you mean \"vlan\"?)"}},
      {"lans: {a: {interface: enp0s31f6u1u2, vlan: 21}}\n",
       {"6:44: the VLAN's interface would be named \"enp0s31f6u1u2.21\", and names have 1 to 15 characters"}},
      {"lans: {a: {interface: lan0}, b: {interface: lan0}}\n",
       {"6:30: interface lan0 of lan \"b\" is that of lan \"a\" already (line 6)"}},
      {"lans: {a: {interface: lan0, vlan: 5}, b: {interface: lan0, vlan: 5}}\n",
       {"6:39: interface lan0.5 of lan \"b\" is that of lan \"a\" already (line 6)"}},
      {"lans: {a: {interface: lan0, vlan: 5}, b: {interface: lan0.5}}\n",
       {"6:39: interface lan0.5 of lan \"b\" is that of lan \"a\" already (line 6)"}},
      {"lans: {a: {interface: eth1}}\n", {"6:8: interface eth1 of lan \"a\" is that of link \"wan\" already (line 4)"}},
      {"lans: {a: {interface: cr}}\n", {"5:11: interface cr of tunnel \"cr\" is that of lan \"a\" already (line 6)"}},
      {"lans: {a: {interface: lan0, address: 172.16.1.0/24}}\n",
       {"6:38: address: \"172.16.1.0/24\" is the address of the network itself, not of a host in it"}},
      {"lans: {a: {interface: lan0, address: 172.16.1.1/16}, b: {interface: lan1, address: 172.16.9.1/24}}\n",
       {"6:84: network 172.16.9.0/24 of lan \"b\" overlaps 172.16.0.0/16 of lan \"a\" (line 6)"}},
      {"lans: {a: {interface: lan0, address: 10.1.0.9/25}}\n",
       {"6:38: network 10.1.0.0/25 of lan \"a\" overlaps 10.1.0.0/24 of tunnel \"cr\" (line 5)"}},
      {"lans: {a: {interface: lan0, address: [172.16.1.1/24, 172.16.1.1/25]}}\n",
       {"6:54: address 172.16.1.1 of lan \"a\" is doubled"}},
      {"lans: {a: {interface: lan0, address: [172.16.1.1/24, 172.16.1.2/24]}}\n", {}},
      {"management: {interface: eth1, address: dhcp}\n",
       {"4:9: interface eth1 of link \"wan\" is that of the management already (line 6)"}},
      {"management: {interface: lan0, address: dhcp}\nlans: {a: {interface: lan0, vlan: 5}}\n",
       {"7:8: lan \"a\" has its VLAN on the management interface lan0 (line 6), which is left alone"}},
      {"management: {interface: eth9, address: [dhcp, 192.0.2.1/24]}\n",
       {"6:41: address: either dhcp or addresses, not both"}},
      {"management: {interface: eth9}\n", {"6:1: management lacks the key \"address\""}},
      {"management: {interface: eth9, address: dhcp, gateway: 192.0.2.1}\n",
       {"6:55: a gateway goes with an address and the length of its network"}},
      {"management: {interface: eth9, address: 192.0.2.9/24, gateway: '2001:db8::1'}\n",
       {"6:63: gateway 2001:db8::1 is of another IP version than the address"}},
      {"management: {interface: eth9, address: 192.0.2.9/24, gateway: 192.0.2.9}\n",
       {"6:63: gateway 192.0.2.9 is the interface's own address"}},
      {"lans: {office: {interface: lan0}}\nclassify: [{lan: ofice, tunnel: cr}]\n",
       {"7:18: no LAN is named \"ofice\" (did you mean \"office\"?)"}},
      {"lans: {a: {interface: lan0}}\nclassify: [{lan: a, vlan: 7, tunnel: cr}]\n",
       {"7:18: a LAN says which interface it is: no other and no VLAN beside it"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(start + row.rest), row.errors) << row.rest;

  const std::string tunnel = "tunnels: {cr: {links: [wan], address: 10.1.0.1/24}}\n";
  EXPECT_EQ(errors(client_start + "links: {wan: {interface: eth1, gateway: 192.0.2.1}}\n" + tunnel),
            Lines{"4:41: a gateway goes with an address and the length of its network"});
  EXPECT_EQ(errors(client_start + "links: {wan: {interface: eth1, address: 192.0.2.1, gateway: 192.0.2.9}}\n" + tunnel),
            Lines{"4:61: a gateway goes with an address and the length of its network"});
  EXPECT_EQ(errors(client_start + "links: {wan: {interface: eth1, address: 192.0.2.1/33}}\n" + tunnel),
            Lines{"4:41: address: \"/33\" is no network length (0 to 32)"});
  EXPECT_EQ(
      errors(server_start + "tunnels: {mt: {address: 10.1.0.254/24}}\nclients: {b: {prefixes: 10.1.0.1}}\nlans: {}\n"),
      Lines{"6:1: \"lans\" belongs to a client (role: client)"});
}

}  // namespace
}  // namespace mpquic::config
