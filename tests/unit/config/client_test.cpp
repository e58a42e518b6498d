#include "certs/token.h"
#include "config/loading.h"

namespace mpquic::config {
namespace {

using ClientFile = Loading;

const std::string one_link = "links: {wan5: {interface: enp7s7}}\n";                          // line 4
const std::string one_tunnel = "tunnels: {cr5: {links: [wan5], address: 10.200.15.1/24}}\n";  // line 5

TEST_F(ClientFile, TheShortestOneHasTheDefaults) {
  const Configuration loaded = good(client_start + one_link + one_tunnel);
  EXPECT_EQ(loaded.name, "box");
  EXPECT_EQ(loaded.control, "/run/mpquic/box.sock");
  EXPECT_EQ(loaded.workers, std::nullopt);
  EXPECT_EQ(loaded.log_level, LogLevel::info);
  ASSERT_TRUE(loaded.client());
  const ClientConfig& client = *loaded.client();
  EXPECT_EQ(client.tls.ca->value, folder_ / "tls/ca.pem");
  EXPECT_EQ(client.tls.server_name, certs::default_server_name);
  EXPECT_FALSE(client.tls.certificate);
  EXPECT_FALSE(client.tls.insecure_skip_verify);
  ASSERT_EQ(client.tunnels.size(), 1u);
  const ClientTunnel& tunnel = client.tunnels[0];
  EXPECT_EQ(tunnel.name, "cr5");
  EXPECT_EQ(tunnel.place, (Place{5, 11}));
  EXPECT_EQ(tunnel.ipv4().to_string(), "10.200.15.1/24");
  EXPECT_EQ(tunnel.mtu, std::nullopt);
  EXPECT_EQ(tunnel.congestion, CongestionControl::bbr);
  EXPECT_EQ(tunnel.traffic_class, TrafficClass::default_);
  ASSERT_EQ(tunnel.paths.size(), 1u);
  EXPECT_EQ(tunnel.paths[0].link.value, "wan5");
  EXPECT_EQ(tunnel.paths[0].server->to_string(), "192.0.2.1:45010");
  EXPECT_EQ(tunnel.paths[0].alpn, Alpn::mpquic_ip);
  EXPECT_EQ(client.find_link("wan5")->interface, "enp7s7");
  EXPECT_EQ(client.find_link("wan6"), nullptr);
}

TEST_F(ClientFile, EveryKeyArrives) {
  const Configuration loaded = good(
      "role: client\nserver: 192.0.2.1:45010\nalpn: mpquic-ip\ncongestion: cubic\nworkers: 4\nlog_level: debug\n"
      "control: run/box.sock\n"
      "tls: {ca: tls/ca.pem, server_name: vpn, certificate: tls/box1.pem, key: tls/box1.key}\n"
      "links:\n"
      "  wan5: {interface: enp7s7, address: 198.51.100.7, server: 192.0.2.2:1, alpn: mpquic-ip}\n"
      "tunnels:\n"
      "  cr5: {links: wan5, class: critical, address: [fd00::1/64, 10.200.15.1/24], mtu: 1400, congestion: bbr}\n");
  EXPECT_EQ(loaded.workers, 4u);
  EXPECT_EQ(loaded.log_level, LogLevel::debug);
  EXPECT_EQ(loaded.control, folder_ / "run/box.sock");
  const ClientConfig& client = *loaded.client();
  EXPECT_EQ(client.tls.server_name, "vpn");
  EXPECT_EQ(client.tls.certificate->value, folder_ / "tls/box1.pem");
  EXPECT_EQ(client.tls.key->value, folder_ / "tls/box1.key");
  EXPECT_EQ(client.links[0].source->value.to_string(), "198.51.100.7");
  const ClientTunnel& tunnel = client.tunnels[0];
  EXPECT_EQ(tunnel.traffic_class, TrafficClass::critical);
  EXPECT_EQ(tunnel.congestion, CongestionControl::bbr);
  EXPECT_EQ(tunnel.mtu, 1400u);
  EXPECT_EQ(tunnel.addresses.size(), 2u);
  EXPECT_EQ(tunnel.addresses[0].place, (Place{12, 49}));
  EXPECT_EQ(tunnel.ipv4().to_string(), "10.200.15.1/24");
}

TEST_F(ClientFile, TheNearerServerWins) {
  const Configuration loaded = good(client_start +
                                    "links:\n"
                                    "  wan4: {interface: a}\n"
                                    "  wan5: {interface: b, server: 192.0.2.2:2}\n"
                                    "tunnels:\n"
                                    "  t4: {links: [wan4], address: 10.0.0.4/24}\n"
                                    "  t5: {links: [wan5], address: 10.0.0.5/24}\n"
                                    "  t6: {links: [wan5], address: 10.0.0.6/24, server: '[2001:db8::1]:3'}\n"
                                    "congestion: cubic\n");
  const auto& tunnels = loaded.client()->tunnels;
  EXPECT_EQ(tunnels[0].paths[0].server->to_string(), "192.0.2.1:45010");
  EXPECT_EQ(tunnels[1].paths[0].server->to_string(), "192.0.2.2:2");
  EXPECT_EQ(tunnels[2].paths[0].server->to_string(), "[2001:db8::1]:3");
  EXPECT_EQ(tunnels[2].congestion, CongestionControl::cubic);
}

TEST_F(ClientFile, OverH3TheServerGivesTheAddressUnlessOneIsAskedFor) {
  const Configuration loaded = good(client_start +
                                    "links: {wan4: {interface: a}, wan5: {interface: b, alpn: h3}}\n"
                                    "tunnels:\n"
                                    "  old: {links: [wan4], address: 10.0.0.4/24}\n"
                                    "  new: {links: [wan5]}\n"
                                    "  said: {links: [wan4], alpn: h3, address: auto, accept_routes: false}\n"
                                    "  fixed: {links: [wan5], address: 'fd00::6/64', accept_routes: [10.0.0.0/8]}\n"
                                    "  all: {links: [wan5], accept_routes: true}\n");
  const auto& tunnels = loaded.client()->tunnels;
  EXPECT_FALSE(tunnels[0].auto_address);
  EXPECT_FALSE(tunnels[0].speaks(Alpn::h3));
  for (const std::size_t i : {1u, 2u, 4u}) {
    EXPECT_TRUE(tunnels[i].auto_address) << tunnels[i].name;
    EXPECT_TRUE(tunnels[i].addresses.empty()) << tunnels[i].name;
    EXPECT_TRUE(tunnels[i].speaks(Alpn::h3)) << tunnels[i].name;
  }
  EXPECT_FALSE(tunnels[3].auto_address);
  EXPECT_EQ(tunnels[3].addresses[0]->to_string(), "fd00::6/64");
  EXPECT_EQ(tunnels[1].accept_routes, tunnels[4].accept_routes);
  EXPECT_EQ(tunnels[1].accept_routes.size(), 2u) << "everything of both IP versions";
  EXPECT_TRUE(tunnels[2].accept_routes.empty());
  EXPECT_EQ(tunnels[3].accept_routes, std::vector{packet::Prefix::parse("10.0.0.0/8").value()});
}

TEST_F(ClientFile, RoutesAreAdvertisedOverH3Alone) {
  EXPECT_EQ(
      warnings(client_start + one_link + "tunnels: {a: {links: wan5, address: 10.0.0.1/24, accept_routes: false}}\n"),
      Lines{"5:65: accept_routes has no effect: over mpquic-ip no routes are told"});
}

TEST_F(ClientFile, ATokenIsShownOverH3Alone) {
  ASSERT_TRUE(certs::make_token_file(folder_, "box", true));
  const std::string with_token = client_start + one_link + one_tunnel + "token: box.token\n";
  EXPECT_EQ(warnings(with_token),
            Lines{"6:8: token has no effect: over mpquic-ip only certificates say who a client is"});
  EXPECT_EQ(warnings(with_token + "alpn: h3\n"), Lines());
}

TEST_F(ClientFile, AdvertisedRoutesTakeNumbersOfRoutingTables) {
  const auto with_tunnels = [](int count, const std::string& alpn) {
    std::string text = client_start + one_link + "alpn: " + alpn + "\ntunnels:\n";
    for (int i = 0; i < count; ++i) {
      text += "  t" + std::to_string(i) + ": {links: wan5, address: 10.0.0." + std::to_string(i + 1) + "/24}\n";
    }
    return text;
  };
  EXPECT_EQ(errors(with_tunnels(63, "mpquic-ip")), Lines{});
  EXPECT_EQ(errors(with_tunnels(60, "h3")), Lines{});
  EXPECT_EQ(errors(with_tunnels(61, "h3")),
            Lines{"67:3: links, tunnels and fallbacks are 62 together, and there are routing tables for 61"});
}

TEST_F(ClientFile, AServerMayBeANameAndALinkMayHaveDnsServers) {
  const Configuration loaded = good(
      "role: client\nserver: VPS.example.net:45010\ntls: {ca: tls/ca.pem}\n"
      "links:\n"
      "  wan4: {interface: a, dns: 192.0.2.53}\n"
      "  wan5: {interface: b, dns: [192.0.2.53, '2001:db8::53'], address: '2001:db8::5'}\n"
      "tunnels:\n"
      "  t4: {links: [wan4], address: 10.0.0.4/24, dns: resolved}\n"
      "  t5: {links: [wan5], address: 10.0.0.5/24, server: 'backup:1', dns: off}\n");
  const ClientConfig& client = *loaded.client();
  EXPECT_EQ(client.tunnels[0].paths[0].server.value, (ServerAddress{"vps.example.net", std::nullopt, 45010}));
  EXPECT_EQ(client.tunnels[1].paths[0].server->to_string(), "backup:1");
  EXPECT_EQ(client.tunnels[0].dns, HandedOutDns::resolved);
  EXPECT_EQ(client.tunnels[1].dns, HandedOutDns::ignored);
  ASSERT_EQ(client.links[0].dns.size(), 1U);
  EXPECT_EQ(client.links[0].dns[0]->to_string(), "192.0.2.53");
  ASSERT_EQ(client.links[1].dns.size(), 2U);
  EXPECT_EQ(client.links[1].dns[1]->to_string(), "2001:db8::53");
}

TEST_F(ClientFile, EachMistakeIsNamedWhereItStands) {
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {client_start + one_link + "tunnels: {cr5: {links: [wan6], address: 10.0.0.1/24}}\n",
       {"5:25: no link is named \"wan6\" (did you mean \"wan5\"?)"}},
      {client_start + one_link + "tunnels: {cr5: {links: [wan5, wan5], address: 10.0.0.1/24}}\n",
       {"5:31: link \"wan5\" is doubled"}},
      {client_start + one_link + "tunnels: {cr5: {links: [], address: 10.0.0.1/24}}\n",
       {"5:24: links: the list is empty"}},
      {client_start + one_link + "tunnels: {cr5: {links: wan5, adress: 10.0.0.1/24}}\n",
       {"5:30: unknown key \"adress\" (did you mean \"address\"?)"}},
      {client_start + one_link + "tunnels: {cr5: {colour: red}}\n",
       {"5:11: tunnel \"cr5\" lacks the key \"address\"", "5:11: tunnel \"cr5\" lacks the key \"links\"",
        "5:17: unknown key \"colour\""}},
      {client_start + one_link + "tunnels: {a_very_long_name: {links: wan5, address: 10.0.0.1/24}}\n",
       {"5:11: a tunnel is named as its network interface: \"a_very_long_name\" is no interface name: those have 1 to "
        "15 "
        "characters"}},
      {client_start + one_link +
           "tunnels: {a: {links: wan5, address: 10.0.0.1/24}, b: {links: wan5, address: 10.0.0.1/30}}\n",
       {"5:77: address 10.0.0.1 is doubled (tunnel \"a\" has it on line 5)"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, address: 'fd00::1/64'}}\n",
       {"5:37: tunnel \"a\" has no IPv4 address, by which mpquic-ip tells clients and tunnels apart"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, address: auto}}\n",
       {"5:37: address: auto needs alpn: h3, since mpquic-ip has no way to hand out addresses"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, alpn: h3, address: [auto, 10.0.0.1/24]}}\n",
       {"5:48: address: auto stands alone"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, alpn: h3, accept_routes: [10.0.0.0/8, true]}}\n",
       {"5:66: accept_routes: true and false stand alone"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, alpn: [h3]}}\n",
       {"5:11: tunnel \"a\" lacks the key \"address\"", "5:34: alpn: a single value must stand here, not a list"}},
      {client_start + one_link +
           "tunnels: {a: {links: wan5, address: 10.0.0.1/24, policy: balanced, listen: 0.0.0.0:1}}\n",
       {"5:68: \"listen\" belongs to a server (role: server)"}},
      {client_start + one_link + "tunnels: [cr5]\n", {"5:10: tunnels must be a map (name: {...}), not a list"}},
      {client_start + one_link + "tunnels:\n", {"5:1: tunnels must be a map (name: {...}), not nothing"}},
      {client_start + one_link + "tunnels: {}\n", {"5:10: tunnels is empty"}},
      {client_start + one_link + "tunnels: {cr5: 10.0.0.1/24}\n",
       {"5:16: tunnel \"cr5\" must be a map (key: value), not a single value"}},
      {client_start + "links: {wan5: {}}\n" + one_tunnel, {"4:9: link \"wan5\" lacks the key \"interface\""}},
      {client_start + "links: {wan5: {interface: b, address: '2001:db8::5'}}\n" + one_tunnel,
       {"4:39: link \"wan5\" sends from 2001:db8::5, which can't reach the server 192.0.2.1:45010 of tunnel \"cr5\""}},
      {client_start + one_link + one_tunnel + "listen: 0.0.0.0:1\nclients: {}\n",
       {"6:1: \"listen\" belongs to a server (role: server)", "7:1: \"clients\" belongs to a server (role: server)"}},
      {client_start + one_link + one_tunnel + "egress: {}\nforward: []\nalpn: h2\nstate: /x\nbetween_clients: true\n",
       {"6:1: \"egress\" belongs to a server (role: server)", "7:1: \"forward\" belongs to a server (role: server)",
        "8:7: alpn: \"h2\" is none of h3, mpquic-ip (did you mean \"h3\"?)",
        "9:1: \"state\" belongs to a server (role: server)",
        "10:1: \"between_clients\" belongs to a server (role: server)"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, alpn: h3, pool: 10.0.0.0/8, routes: 10.0.0.0/8}}\n",
       {"5:38: \"pool\" belongs to a server (role: server)", "5:56: \"routes\" belongs to a server (role: server)"}},
      {"role: client\ntls: {ca: tls/ca.pem}\n" + one_link + one_tunnel,
       {"4:11: tunnel \"cr5\" has no server (say server: at the top, on link \"wan5\" or here)"}},
      // A server that can't be read is one error, not one for each tunnel.
      {"role: client\nserver: vps\ntls: {ca: tls/ca.pem}\n" + one_link + one_tunnel,
       {"2:9: server: \"vps\" has no port (did you mean vps:45010?)"}},
      {client_start + "links: {wan5: {interface: b, dns: [192.0.2.53, 127.0.0.53]}}\n" + one_tunnel,
       {"4:48: dns: \"127.0.0.53\" is no address at which a DNS server can be asked from elsewhere"}},
      {client_start + one_link + "tunnels: {a: {links: wan5, address: 10.0.0.1/24, dns: 192.0.2.53}}\n",
       {"5:55: dns: \"192.0.2.53\" is none of off, resolved"}},
      {"server: 192.0.2.1:45010\ntls: {ca: tls/ca.pem}\n" + one_link + one_tunnel,
       {"1:1: the configuration lacks the key \"role\""}},
      {"role: client\nserver: 192.0.2.1:45010\n" + one_link + one_tunnel,
       {"1:1: the configuration lacks the key \"tls\""}},
      {client_start + one_link + one_tunnel + "control: " + std::string(120, 'x') + "\n",
       {"6:10: control: the socket's name is longer than 107 bytes"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST_F(ClientFile, ItsTlsMustSayHowTheServerIsKnown) {
  const auto with_tls = [](const std::string& tls) {
    return "role: client\nserver: 192.0.2.1:45010\ntls: " + tls + "\n" + one_link + one_tunnel;
  };
  EXPECT_EQ(errors(with_tls("{server_name: x}")), Lines{"3:1: tls lacks the key \"ca\""});
  EXPECT_EQ(errors(with_tls("{ca: tls/ca.pem, key: tls/box1.key}")), Lines{"3:1: tls lacks the key \"certificate\""});
  EXPECT_EQ(errors(with_tls("{ca: tls/ca.pem, certificate: tls/box1.pem}")), Lines{"3:1: tls lacks the key \"key\""});
  EXPECT_EQ(errors(with_tls("{ca: tls/ca.pem, client_auth: none}")),
            Lines{"3:23: \"client_auth\" belongs to a server (role: server)"});
  EXPECT_EQ(warnings(with_tls("{insecure_skip_verify: true}")),
            Lines{"3:7: the server's certificate is not verified: whoever is on the way can read and change all"});
  EXPECT_EQ(warnings(with_tls("{ca: tls/ca.pem, insecure_skip_verify: false}")), Lines{});
}

TEST_F(ClientFile, AnUnusedLinkIsOnlyAWarning) {
  EXPECT_EQ(warnings(client_start + "links: {wan4: {interface: a}, wan5: {interface: b}}\n" + one_tunnel),
            Lines{"4:9: no tunnel uses link \"wan4\""});
}

TEST_F(ClientFile, ALinkMayBeAnAddressAlone) {
  const Configuration loaded = good(client_start + "links: {wan5: {address: 198.51.100.7}}\n" + one_tunnel);
  EXPECT_EQ(loaded.client()->links[0].interface, "");
  EXPECT_EQ(loaded.client()->links[0].source->value.to_string(), "198.51.100.7");
}

TEST_F(ClientFile, AllMistakesAreFoundInOneRunInTheOrderOfTheFile) {
  EXPECT_EQ(errors("role: client\n"
                   "workers: many\n"
                   "server: 192.0.2.1\n"
                   "tls: {ca: tls/none.pem}\n"
                   "links:\n"
                   "  wan4: {interface: way_too_long_for_this}\n"
                   "  wan5: {interface: b, wieght: 3}\n"
                   "tunnels:\n"
                   "  cr5: {links: [wan5], address: 10.0.0.0/24, mtu: [1]}\n"
                   "  df5: {links: [wan9], address: 10.0.0.1/24}\n"
                   "  df5: {}\n"
                   "  bk5: {links: [wan4], address: 10.0.0.1/24, class: bluk}\n"),
            (Lines{"2:10: workers: \"many\" is neither a number nor auto",
                   "3:9: server: \"192.0.2.1\" has no port (did you mean 192.0.2.1:45010?)",
                   "4:11: tls/none.pem: No such file or directory",
                   "6:21: interface: \"way_too_long_for_this\" is no interface name: those have 1 to 15 characters",
                   "7:24: unknown key \"wieght\" (did you mean \"weight\"?)",
                   "9:33: address: \"10.0.0.0/24\" is the address of the network itself, not of a host in it",
                   "9:51: mtu: a single value must stand here, not a list",
                   "10:17: no link is named \"wan9\" (did you mean \"wan4\"?)",
                   "11:3: key \"df5\" is doubled (first on line 10)",
                   "12:33: address 10.0.0.1 is doubled (tunnel \"df5\" has it on line 10)",
                   "12:53: class: \"bluk\" is none of critical, default, bulk (did you mean \"bulk\"?)"}));
}

}  // namespace
}  // namespace mpquic::config
