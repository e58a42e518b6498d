#include "policy/networkd.h"

#include <gtest/gtest.h>

namespace mpquic::policy {
namespace {

packet::Address address(const char* text) { return packet::Address::parse(text).value(); }
packet::InterfaceAddress interface_address(const char* text) { return packet::InterfaceAddress::parse(text).value(); }

class NetworkFilesTest : public testing::Test {
 protected:
  NetworkFilesTest() {
    configuration_.name = "box";
    client_.links = {{.name = "wan4", .interface = "enp7s6"}};
    config::ClientTunnel tunnel;
    tunnel.name = "cr4";
    client_.tunnels = {tunnel};
  }
  std::map<std::string, std::string> files() {
    configuration_.node = client_;
    return network_files(configuration_);
  }
  /// Less the first line, which must be the mark.
  std::string text(const std::string& name) {
    const std::string whole = files().at(name);
    const std::string mark = network_file_mark(configuration_) + "\n";
    EXPECT_TRUE(whole.starts_with(mark)) << whole;
    return whole.substr(mark.size());
  }
  std::string network(const std::string& interface) {
    return text("systemd/network/10-mpquic-" + interface + ".network");
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& [name, contents] : files()) all.push_back(name);
    return all;
  }

  config::Configuration configuration_;
  config::ClientConfig client_;
};

TEST_F(NetworkFilesTest, ALinkIsByDhcpAndATunnelIsLeftAlone) {
  EXPECT_EQ(names(), (std::vector<std::string>{
                         "iproute2/rt_tables.d/mpquic-box.conf", "systemd/network/10-mpquic-cr4.network",
                         "systemd/network/10-mpquic-enp7s6.network", "systemd/networkd.conf.d/10-mpquic-box.conf"}));
  EXPECT_EQ(network("enp7s6"),
            "[Match]\nName=enp7s6\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: link wan4\nDHCP=yes\nIPv6AcceptRA=yes\n\n"
            "[DHCPv4]\nRouteMetric=1010\n\n[IPv6AcceptRA]\nRouteMetric=1010\n");
  EXPECT_EQ(network("cr4"), "[Match]\nName=cr4\n\n[Link]\nUnmanaged=yes\n");
  EXPECT_EQ(text("systemd/networkd.conf.d/10-mpquic-box.conf"),
            "# Otherwise networkd deletes routes and rules that it has not made.\n"
            "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n");
}

TEST_F(NetworkFilesTest, AStaticLinkOnAVlanHasItsGatewayAndAParent) {
  client_.links.push_back({.name = "wan5",
                           .interface = "enp7s7.7",
                           .source = address("198.51.100.7"),
                           .vlan = config::Vlan{"enp7s7", 7},
                           .source_length = 24,
                           .gateway = address("203.0.113.1")});
  EXPECT_EQ(text("systemd/network/10-mpquic-enp7s7.7.netdev"), "[NetDev]\nName=enp7s7.7\nKind=vlan\n\n[VLAN]\nId=7\n");
  EXPECT_EQ(network("enp7s7.7"),
            "[Match]\nName=enp7s7.7\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: link wan5\nDHCP=no\nIPv6AcceptRA=yes\nAddress=198.51.100.7/24\n\n"
            "[Route]\nGateway=203.0.113.1\nGatewayOnLink=yes\nMetric=1020\n\n[IPv6AcceptRA]\nRouteMetric=1020\n");
  EXPECT_EQ(network("enp7s7"),
            "[Match]\nName=enp7s7\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: carries VLANs\nDHCP=no\nIPv6AcceptRA=no\n"
            "LinkLocalAddressing=no\nConfigureWithoutCarrier=yes\nVLAN=enp7s7.7\n");
  client_.links[1].gateway = address("198.51.100.1");
  EXPECT_EQ(network("enp7s7.7").find("GatewayOnLink"), std::string::npos) << "it lies in the link's network";
}

TEST_F(NetworkFilesTest, ALanIsConfiguredWhetherSomebodyIsThereOrNot) {
  client_.lans = {{.name = "office",
                   .interface = "enp6s20",
                   .addresses = {interface_address("172.16.1.1/24"), interface_address("fd00:16:1::1/64")}},
                  {.name = "guests", .interface = "enp6s20.21", .vlan = config::Vlan{"enp6s20", 21}}};
  EXPECT_EQ(network("enp6s20"),
            "[Match]\nName=enp6s20\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: lan office\nDHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\n"
            "ConfigureWithoutCarrier=yes\nAddress=172.16.1.1/24\nAddress=fd00:16:1::1/64\nVLAN=enp6s20.21\n");
  EXPECT_NE(network("enp6s20.21").find("LinkLocalAddressing=no\n"), std::string::npos);
}

TEST_F(NetworkFilesTest, LinksOfOneInterfaceShareItsFile) {
  client_.links = {{.name = "a", .interface = "eth0", .source = address("192.0.2.1"), .source_length = 24},
                   {.name = "b", .interface = "eth0", .source = address("2001:db8::1"), .source_length = 64}};
  EXPECT_EQ(network("eth0"),
            "[Match]\nName=eth0\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: link a, link b\nDHCP=no\nIPv6AcceptRA=no\n"
            "Address=192.0.2.1/24\nAddress=2001:db8::1/64\n");
}

TEST_F(NetworkFilesTest, ManagementHasTheLastDefaultRoute) {
  configuration_.management = config::Management{.interface = "enp1s0"};
  EXPECT_NE(network("enp1s0").find("DHCP=yes\nIPv6AcceptRA=yes\n\n[DHCPv4]\nRouteMetric=2000\n"), std::string::npos);
  configuration_.management->addresses = {interface_address("192.0.2.9/24")};
  configuration_.management->gateway = address("192.0.2.1");
  EXPECT_EQ(network("enp1s0"),
            "[Match]\nName=enp1s0\n\n[Link]\nRequiredForOnline=no\n\n"
            "[Network]\nDescription=mpquic: management\nDHCP=no\nIPv6AcceptRA=no\nAddress=192.0.2.9/24\n\n"
            "[Route]\nGateway=192.0.2.1\nMetric=2000\n");
}

TEST_F(NetworkFilesTest, TablesHaveNamesInTheirOrder) {
  config::ClientTunnel other;
  other.name = "df4";
  client_.tunnels.push_back(other);
  config::ClassRule rule;
  rule.tunnel = std::string("df4");
  rule.fallback = std::string("cr4");
  client_.classify = {rule};
  EXPECT_TRUE(text("iproute2/rt_tables.d/mpquic-box.conf")
                  .ends_with("10000 box.link.wan4\n10001 box.tunnel.cr4\n10002 box.tunnel.df4\n"
                             "10003 box.tunnel.df4.or.cr4\n"));
}

TEST_F(NetworkFilesTest, NoNameSpeaksToWhoReadsTheFiles) {
  configuration_.name = "box\n[Network]";
  client_.links = {{.name = "wan\nDHCP=no", .interface = "et?[!0"}};
  const auto all = files();
  EXPECT_TRUE(all.contains("systemd/networkd.conf.d/10-mpquic-box__Network_.conf"));
  EXPECT_NE(network("et?[!0").find("Name=et???0\n"), std::string::npos) << "a pattern of what it names, no other";
  EXPECT_NE(network("et?[!0").find("Description=mpquic: link wan_DHCP_no\n"), std::string::npos);
}

TEST_F(NetworkFilesTest, AServerHasItsTunnelsAndManagement) {
  config::ServerConfig server;
  server.tunnels.resize(2);
  server.tunnels[0].name = "mt1";
  server.tunnels[1].name = "mt2";
  configuration_.node = server;
  configuration_.management = config::Management{.interface = "eth0"};
  const auto all = network_files(configuration_);
  EXPECT_EQ(all.size(), 5U);
  EXPECT_TRUE(all.contains("systemd/network/10-mpquic-mt2.network"));
  EXPECT_TRUE(all.at("iproute2/rt_tables.d/mpquic-box.conf").ends_with("10000 box.tunnel.mt1\n10001 box.tunnel.mt2\n"));
}

}  // namespace
}  // namespace mpquic::policy
