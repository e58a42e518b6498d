#include "config/flat.h"

#include "config/loading.h"

namespace mpquic::config {
namespace {

/// Instances in the folder of Loading, beside the .env files that a test writes.
class FlatFile : public Loading {
 protected:
  void TearDown() override {
    for (const char* name : {"box.env", "global.env"}) std::filesystem::remove(folder_ / name);
  }
  static std::string texts(const std::vector<Located<packet::Prefix>>& prefixes) {
    std::string text;
    for (const auto& prefix : prefixes) text += prefix->to_string() + " ";
    return text;
  }
};

const std::string client =
    "role: client\n"
    "bind_ip: if:enp7s6\n"
    "remote_addr: 192.0.2.1\n"
    "remote_port: 45004\n"
    "tun_name: mpq4\n"
    "tun_cidr: 10.200.4.1/30\n"
    "tls_ca_file: tls/ca.pem\n";  // 7 lines
const std::string server =
    "role: server\n"
    "remote_port: 45004\n"
    "tun_name: mpq4\n"
    "tun_cidr: 10.200.4.2/30\n"
    "tls_cert_file: tls/server.pem\n"
    "tls_key_file: tls/server.key\n"
    "tls_ca_file: tls/ca.pem\n";  // 7 lines

/// The text with a line replaced, or taken out.
std::string with(std::string text, const std::string& key, const std::string& line = {}) {
  const auto begin = text.find(key + ":");
  EXPECT_NE(begin, std::string::npos) << key;
  return text.replace(begin, text.find('\n', begin) + 1 - begin, line.empty() ? "" : line + "\n");
}

TEST_F(FlatFile, OfAClientIsOneTunnelOverOneLink) {
  const Configuration loaded = good(client);
  EXPECT_EQ(loaded.name, "box");
  EXPECT_EQ(loaded.control, "/run/mpquic/box.sock");
  EXPECT_EQ(loaded.log_level, LogLevel::info);
  const ClientConfig& node = *loaded.client();
  EXPECT_EQ(node.tls.ca->value, folder_ / "tls/ca.pem");
  EXPECT_EQ(node.tls.server_name, "mpquic-server");
  EXPECT_FALSE(node.tls.certificate);
  ASSERT_EQ(node.links.size(), 1u);
  EXPECT_EQ(node.links[0].name, "enp7s6");
  EXPECT_EQ(node.links[0].interface, "enp7s6");
  EXPECT_FALSE(node.links[0].source);
  ASSERT_EQ(node.tunnels.size(), 1u);
  const ClientTunnel& tunnel = node.tunnels[0];
  EXPECT_EQ(tunnel.name, "mpq4");
  EXPECT_EQ(tunnel.place, (Place{5, 11}));
  EXPECT_EQ(tunnel.ipv4().to_string(), "10.200.4.1/30");
  EXPECT_EQ(tunnel.mtu, 1300u);
  EXPECT_EQ(tunnel.congestion, CongestionControl::bbr);
  EXPECT_EQ(tunnel.paths[0].link.value, "enp7s6");
  EXPECT_EQ(tunnel.paths[0].server->to_string(), "192.0.2.1:45004");
  EXPECT_EQ(warnings(client), Lines());
}

TEST_F(FlatFile, EveryKeyOfAClientArrives) {
  const std::string text =
      "role: client\nbind_ip: 2001:db8::7\nremote_addr: 2001:db8::1\nremote_port: 1\ntun_name: t\n"
      "tun_cidr: 10.0.0.1/24\ntun_mtu: 1400\nlog_level: WARN\nmulti_conn_enabled: False\nmultipath_enabled: false\n"
      "congestion_algorithm: Cubic\ntls_ca_file: tls/ca.pem\ntls_server_name: vpn\ntls_cert_file: tls/box1.pem\n"
      "tls_key_file: tls/box1.key\ntls_insecure_skip_verify: false\nmetrics_listen: 127.0.0.1:9090\n";
  const Configuration loaded = good(text);
  EXPECT_EQ(loaded.log_level, LogLevel::warning);
  const ClientConfig& node = *loaded.client();
  EXPECT_EQ(node.tls.server_name, "vpn");
  EXPECT_EQ(node.tls.certificate->value, folder_ / "tls/box1.pem");
  EXPECT_EQ(node.tls.key->value, folder_ / "tls/box1.key");
  EXPECT_EQ(node.links[0].name, "2001:db8::7");
  EXPECT_EQ(node.links[0].interface, "") << "whichever has the address";
  EXPECT_EQ(node.links[0].source->value.to_string(), "2001:db8::7");
  EXPECT_EQ(node.tunnels[0].mtu, 1400u);
  EXPECT_EQ(node.tunnels[0].congestion, CongestionControl::cubic);
  EXPECT_EQ(node.tunnels[0].paths[0].server->to_string(), "[2001:db8::1]:1");
  EXPECT_EQ(warnings(text), Lines{"17:17: metrics are not served by this version"});
}

TEST_F(FlatFile, OfAServerLetsInWhoeverIsCertified) {
  const Configuration loaded = good(server + "multi_conn_enabled: true\n");
  const ServerConfig& node = *loaded.server();
  EXPECT_EQ(node.tls.client_auth, ClientAuth::require);
  EXPECT_EQ(node.tls.client_ca->value, folder_ / "tls/ca.pem");
  ASSERT_EQ(node.tunnels.size(), 1u);
  EXPECT_EQ(node.tunnels[0].listen->to_string(), "0.0.0.0:45004");
  EXPECT_EQ(node.tunnels[0].mtu, 1300u);
  ASSERT_EQ(node.clients.size(), 1u);
  EXPECT_EQ(node.clients[0].name, anybody);
  EXPECT_EQ(texts(node.clients[0].prefixes), "10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 ");
  EXPECT_TRUE(node.between_clients) << "deployed boxes see each other";
  EXPECT_EQ(node.tunnels[0].alpns, (std::vector{Alpn::h3, Alpn::mpquic_ip}));
  ASSERT_EQ(node.tunnels[0].pool.size(), 1u);
  EXPECT_EQ(node.tunnels[0].pool[0].value, node.tunnels[0].routes.front());
  EXPECT_EQ(warnings(server), Lines());
  EXPECT_EQ(good(server + "bind_ip: 192.0.2.9\n").server()->tunnels[0].listen->to_string(), "192.0.2.9:45004");
  EXPECT_EQ(good(server + "bind_ip: '::'\n").server()->tunnels[0].listen->to_string(), "[::]:45004");
}

TEST_F(FlatFile, OfAServerGivesItsClientsTheTunnelsNetworkWhateverThatIs) {
  const auto owned = [](const std::string& network) {
    return texts(good(with(server, "tun_cidr", "tun_cidr: " + network)).server()->clients[0].prefixes);
  };
  EXPECT_EQ(owned("203.0.113.1/24"), "10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 203.0.113.0/24 ");
  EXPECT_EQ(owned("11.0.0.1/7"), "10.0.0.0/7 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 ");
  EXPECT_EQ(owned("172.16.0.1/12"), "10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 ");
}

TEST_F(FlatFile, OfAServerWithoutAnAuthorityIsOpen) {
  const std::string open = with(server, "tls_ca_file");
  EXPECT_EQ(good(open).server()->tls.client_auth, ClientAuth::none);
  EXPECT_EQ(warnings(open), Lines{"1:1: without tls_ca_file anybody gets into the tunnel"});
}

TEST_F(FlatFile, KeysOfTheOtherRoleAndOfPathsThatAreOffDoNothing) {
  EXPECT_EQ(
      warnings(server + "remote_addr: VPS_PUBLIC_IP\ntls_server_name: x\nmultipath_policy: balanced\n"),
      (Lines{"8:1: \"remote_addr\" has no effect on a server", "9:1: \"tls_server_name\" has no effect on a server",
             "10:1: \"multipath_policy\" has no effect without multipath_enabled: true"}));
  EXPECT_EQ(good(server).server()->tunnels[0].policy, std::nullopt);
  EXPECT_EQ(good(server + "multipath_enabled: true\n").server()->tunnels[0].policy->value, PathPolicy::failover);
  EXPECT_EQ(good(server + "multipath_enabled: true\nmultipath_policy: balanced\n").server()->tunnels[0].policy->value,
            PathPolicy::balanced);
  EXPECT_EQ(warnings(client + "multipath_policy: balanced\nmultipath_paths: [{name: a}]\n"),
            (Lines{"8:1: \"multipath_policy\" has no effect without multipath_enabled: true",
                   "9:1: \"multipath_paths\" has no effect without multipath_enabled: true"}));
}

TEST_F(FlatFile, EmptyValuesAreAsGoodAsNone) {
  EXPECT_EQ(errors(client + "tls_cert_file:\ntls_key_file: ''\nmetrics_listen: \"\"\nlog_level: ~\n"), Lines());
  EXPECT_EQ(errors(with(client, "tun_name", "tun_name:")), Lines{"1:1: the instance lacks the key \"tun_name\""});
}

TEST_F(FlatFile, ASinglePathTakesFromTheTopWhatItDoesNotSay) {
  const std::string start = client + "multipath_enabled: true\nmultipath_policy: priority\n";  // 9 lines
  const Configuration loaded =
      good(start + "multipath_paths:\n  - {name: wan9, bind_ip: 192.0.2.7, remote_port: 7, priority: 0, weight: 3}\n");
  const ClientConfig& node = *loaded.client();
  EXPECT_EQ(node.links[0].name, "wan9");
  EXPECT_EQ(node.links[0].source->value.to_string(), "192.0.2.7");
  EXPECT_EQ(node.tunnels[0].paths[0].link.value, "wan9");
  EXPECT_EQ(node.tunnels[0].paths[0].server->to_string(), "192.0.2.1:7");
  EXPECT_EQ(good(start + "multipath_paths: {name: wan9}\n").client()->links[0].interface, "enp7s6");

  EXPECT_EQ(node.tunnels[0].paths[0].priority, 1U);
  EXPECT_EQ(node.tunnels[0].paths[0].weight, 3U);
  EXPECT_EQ(node.tunnels[0].policy, std::nullopt) << "of one path there is nothing to choose";

  EXPECT_EQ(errors(start), Lines{"1:1: the instance lacks the key \"multipath_paths\""});
  EXPECT_EQ(errors(start + "multipath_paths: {name: a, weight: 0, priority: high, colour: red}\n"),
            (Lines{"10:36: weight: \"0\" is no number from 1 to 65535",
                   "10:49: priority: \"high\" is no number from 0 to 65535", "10:55: unknown key \"colour\""}));
  EXPECT_EQ(errors(with(with(start, "bind_ip"), "remote_port") + "multipath_paths: {}\n"),
            (Lines{"8:18: the path lacks the key \"bind_ip\"", "8:18: the path lacks the key \"name\"",
                   "8:18: the path lacks the key \"remote_port\""}));
}

TEST_F(FlatFile, SeveralPathsHaveRanksAndAPolicy) {
  const std::string start = client + "multipath_enabled: true\n";  // 8 lines
  const std::string paths =
      "multipath_paths:\n"
      "  - {name: wan4, bind_ip: if:enp7s5, priority: 1, weight: 10}\n"
      "  - {name: wan5, bind_ip: 192.0.2.7, remote_addr: 192.0.2.2, remote_port: 7, priority: 2}\n"
      "  - {name: wan6}\n";
  const std::pair<const char*, PathPolicy> policies[] = {{"", PathPolicy::failover},
                                                         {"multipath_policy: priority\n", PathPolicy::failover},
                                                         {"multipath_policy: Failover\n", PathPolicy::failover},
                                                         {"multipath_policy: balanced\n", PathPolicy::balanced}};
  for (const auto& [line, policy] : policies) {
    const Configuration loaded = good(start + line + paths);
    const ClientTunnel& tunnel = loaded.client()->tunnels[0];
    ASSERT_TRUE(tunnel.policy) << line;
    EXPECT_EQ(tunnel.policy->value, policy) << line;
    ASSERT_EQ(tunnel.paths.size(), 3U);
    EXPECT_EQ(loaded.client()->links[0].interface, "enp7s5");
    EXPECT_EQ(loaded.client()->links[2].interface, "enp7s6") << "as at the top";
    EXPECT_EQ(tunnel.paths[0].server->to_string(), "192.0.2.1:45004");
    EXPECT_EQ(tunnel.paths[1].server->to_string(), "192.0.2.2:7");
    EXPECT_EQ(tunnel.paths[0].priority, 1U);
    EXPECT_EQ(tunnel.paths[0].weight, 10U);
    EXPECT_EQ(tunnel.paths[1].priority, 2U);
    EXPECT_EQ(tunnel.paths[1].weight, 1U);
    EXPECT_EQ(tunnel.paths[2].priority, 1U);
  }
}

TEST_F(FlatFile, PrioritiesThatBeginAtZeroKeepTheirOrder) {
  const auto priorities = [](const std::string& first, const std::string& second) {
    const Configuration loaded =
        good(client + "multipath_enabled: true\nmultipath_paths: [{name: a, priority: " + first +
             "}, {name: b, priority: " + second + "}]\n");
    const auto& paths = loaded.client()->tunnels[0].paths;
    return std::pair(paths[0].priority, paths[1].priority);
  };
  EXPECT_EQ(priorities("0", "1"), std::pair(1U, 2U));
  EXPECT_EQ(priorities("7", "0"), std::pair(8U, 1U));
  EXPECT_EQ(priorities("0", "65535"), std::pair(1U, 65'535U));
  EXPECT_EQ(priorities("1", "65535"), std::pair(1U, 65'535U));
}

TEST_F(FlatFile, APathThatIsWrongIsNamedWhereItStands) {
  const std::string start = client + "multipath_enabled: true\n";  // 8 lines
  EXPECT_EQ(errors(start + "multipath_paths:\n  - {name: a}\n  - {name: a}\n  - {name: c, metered: true}\n"),
            (Lines{"11:12: path \"a\" is doubled", "12:15: unknown key \"metered\""}));
  std::string nine = "multipath_paths:\n";
  for (const char name : std::string_view("abcdefghi")) nine += std::string("  - {name: ") + name + "}\n";
  EXPECT_EQ(errors(start + nine), Lines{"18:12: tunnel \"mpq4\" goes over 9 links, and can over 8"});
  std::string nameless = "multipath_paths:\n";
  for (int i = 0; i < 9; ++i) nameless += "  - {}\n";
  const Lines found = errors(with(start, "bind_ip") + nameless);
  ASSERT_EQ(found.size(), 19U);
  EXPECT_EQ(found.back(), "17:5: tunnel \"mpq4\" goes over 9 links, and can over 8");
}

TEST_F(FlatFile, VariablesStandForTheServerAndForAnythingElse) {
  write("global.env", "VPS_PUBLIC_IP=192.0.2.9\nWAN=enp7s9\nEMPTY=\n");
  for (const char* line : {"", "remote_addr: VPS_PUBLIC_IP", "remote_addr: ${VPS_PUBLIC_IP}"}) {
    const Configuration loaded = good(with(client, "remote_addr", line));
    EXPECT_EQ(loaded.client()->tunnels[0].paths[0].server->to_string(), "192.0.2.9:45004") << line;
  }
  EXPECT_EQ(good(client).client()->tunnels[0].paths[0].server->to_string(), "192.0.2.1:45004");
  EXPECT_EQ(good(with(client, "bind_ip", "bind_ip: if:${WAN}")).client()->links[0].interface, "enp7s9");
  write("box.env", "export WAN=\"wan1\"\n");
  EXPECT_EQ(good(with(client, "bind_ip", "bind_ip: if:${WAN}")).client()->links[0].interface, "wan1");

  EXPECT_EQ(errors(with(client, "bind_ip", "bind_ip: if:${LAN}")),
            Lines{"2:10: neither box.env nor global.env has the variable \"LAN\" (did you mean \"WAN\"?)"});
  EXPECT_EQ(errors(server + "log_level: ${EMPTY}\n"), Lines{"8:12: \"${EMPTY}\" is empty"});
  EXPECT_EQ(errors(client + "multipath_enabled: true\nmultipath_paths: [{name: '${X'}]\n"),
            Lines{"9:26: \"${X\" is never closed by a }"});
  // Native files keep what stands in them.
  EXPECT_EQ(
      errors(client_start + "links: {a: {interface: '${WAN}'}}\ntunnels: {t: {links: a, address: 10.0.0.1/24}}\n"),
      Lines());
}

TEST_F(FlatFile, TheProcessEnvironmentIsNotAsked) {
  ASSERT_EQ(setenv("VPS_PUBLIC_IP", "192.0.2.66", 1), 0);
  EXPECT_EQ(errors(with(client, "remote_addr")),
            Lines{"1:1: the instance lacks the key \"remote_addr\" (or VPS_PUBLIC_IP beside the file)"});
  unsetenv("VPS_PUBLIC_IP");
}

TEST_F(FlatFile, ABrokenEnvironmentIsNamedByItsOwnLine) {
  write("global.env", "VPS_PUBLIC_IP=192.0.2.9\nnonsense\n");
  EXPECT_EQ(errors(client), Lines{"global.env:2:1: \"nonsense\" is no KEY=VALUE"});
  write("global.env", "VPS_PUBLIC_IP=vps_example\n");
  EXPECT_EQ(errors(with(client, "remote_addr")),
            Lines{"1:1: VPS_PUBLIC_IP: \"vps_example\" is neither an IP address nor a host name"});
}

TEST_F(FlatFile, TheServerMayBeAName) {
  const ServerAddress vps{"vps.example.net", std::nullopt, 45004};
  EXPECT_EQ(
      good(with(client, "remote_addr", "remote_addr: VPS.example.net")).client()->tunnels[0].paths[0].server.value,
      vps);
  write("global.env", "VPS_PUBLIC_IP=vps.example.net\n");
  EXPECT_EQ(good(with(client, "remote_addr")).client()->tunnels[0].paths[0].server.value, vps);
}

TEST_F(FlatFile, EachMistakeIsNamedWhereItStands) {
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {"tun_name: mpq4\nrole: client\n",
       {"1:1: the instance lacks the key \"bind_ip\"",
        "1:1: the instance lacks the key \"remote_addr\" (or VPS_PUBLIC_IP beside the file)",
        "1:1: the instance lacks the key \"remote_port\"",
        "1:1: the instance lacks the key \"tls_ca_file\" (or tls_insecure_skip_verify: true)",
        "1:1: the instance lacks the key \"tun_cidr\""}},
      {"tun_name: mpq4\nrole: server\n",
       {"1:1: the instance lacks the key \"remote_port\"", "1:1: the instance lacks the key \"tls_cert_file\"",
        "1:1: the instance lacks the key \"tls_key_file\"", "1:1: the instance lacks the key \"tun_cidr\""}},
      {client + "tun_mut: 1400\ncolour: red\n",
       {"8:1: unknown key \"tun_mut\" (did you mean \"tun_mtu\"?)", "9:1: unknown key \"colour\""}},
      {with(client, "role"), {"1:1: the instance lacks the key \"role\""}},
      {with(client, "role", "role: both"), {"1:7: role: \"both\" is none of client, server"}},
      {with(client, "bind_ip", "bind_ip: 'if:'"),
       {"2:10: bind_ip: \"\" is no interface name: those have 1 to 15 characters"}},
      {with(client, "bind_ip", "bind_ip: enp7s6"),
       {"2:10: bind_ip: \"enp7s6\" is no IP address (an address of this box, or if:NAME for an interface)"}},
      {with(client, "bind_ip", "bind_ip: 0.0.0.0"),
       {"2:10: bind_ip: \"0.0.0.0\" is no address to send from (an address of this box, or if:NAME for an interface)"}},
      {with(client, "bind_ip", "bind_ip: 2001:db8::1"),
       {"2:10: link \"2001:db8::1\" sends from 2001:db8::1, which can't reach the server 192.0.2.1:45004 of tunnel "
        "\"mpq4\""}},
      {with(client, "remote_addr", "remote_addr: vps_example"),
       {"3:14: remote_addr: \"vps_example\" is neither an IP address nor a host name"}},
      {with(client, "remote_addr", "remote_addr: 192.0.2.1:45004"),
       {"3:14: remote_addr: \"192.0.2.1:45004\" is neither an IP address nor a host name"}},
      {with(client, "remote_addr", "remote_addr: 0.0.0.0"),
       {"3:14: remote_addr: \"0.0.0.0\" is no address to send to"}},
      {with(client, "remote_addr", "remote_addr: VPS_PUBLIC_IP"),
       {"3:14: remote_addr: neither box.env nor global.env has the variable \"VPS_PUBLIC_IP\""}},
      {with(client, "remote_port", "remote_port: 65536"),
       {"4:14: remote_port: \"65536\" is no number from 1 to 65535"}},
      {with(client, "remote_port", "remote_port: [1]"),
       {"4:14: remote_port: a single value must stand here, not a list"}},
      {with(client, "tun_name", "tun_name: a_very_long_name"),
       {"5:11: tun_name: \"a_very_long_name\" is no interface name: those have 1 to 15 characters"}},
      {with(client, "tun_cidr", "tun_cidr: 'fd00::1/64'"),
       {"6:11: tunnel \"mpq4\" has no IPv4 address, by which mpquic-ip tells clients and tunnels apart"}},
      {client + "tun_mtu: 1279\n", {"8:10: tun_mtu: 1279 is out of range (1280 to 9000, or auto)"}},
      {client + "congestion_algorithm: reno\n", {"8:23: congestion_algorithm: \"reno\" is none of bbr, cubic"}},
      {client + "log_level: loud\n", {"8:12: log_level: \"loud\" is none of error, warning, info, debug"}},
      {client + "multi_conn_enabled: maybe\n", {"8:21: multi_conn_enabled: \"maybe\" is none of true, false"}},
      {client + "metrics_listen: 9090\n",
       {"8:17: metrics_listen: \"9090\" is no ADDRESS:PORT, such as 0.0.0.0:45010 or [::]:45010"}},
      {client + "multipath_enabled: true\nmultipath_policy: fastest\nmultipath_paths: [{name: a}]\n",
       {"9:19: multipath_policy: \"fastest\" is none of priority, failover, balanced"}},
      {client + "tls_cert_file: tls/box1.pem\n", {"1:1: the instance lacks the key \"tls_key_file\""}},
      {client + "tls_cert_file: tls/box1.pem\ntls_key_file: tls/server.key\n",
       {"9:15: tls/server.key: this private key does not belong to tls/box1.pem"}},
      {with(client, "tls_ca_file", "tls_ca_file: tls/none.pem"), {"7:14: tls/none.pem: No such file or directory"}},
      {server + "bind_ip: if:eth0\n",
       {"8:10: bind_ip: \"if:eth0\" is for clients: a server listens on an address (0.0.0.0 is all)"}},
      {server + "bind_ip: 224.0.0.1\n", {"8:10: bind_ip: \"224.0.0.1\" is a multicast address"}},
      {with(server, "remote_port", "remote_port: 0"), {"2:14: remote_port: \"0\" is no number from 1 to 65535"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST_F(FlatFile, AClientMayGiveUpKnowingItsServerButIsWarned) {
  const std::string text = with(client, "tls_ca_file", "tls_insecure_skip_verify: true");
  EXPECT_TRUE(good(text).client()->tls.insecure_skip_verify);
  EXPECT_EQ(warnings(text),
            Lines{"7:27: the server's certificate is not verified: whoever is on the way can read and change all"});
}

TEST_F(FlatFile, IsToldFromANativeOneByItsKeys) {
  EXPECT_TRUE(load_here(client)->flat);
  EXPECT_FALSE(
      load_here(client_start + "links: {a: {interface: b}}\ntunnels: {t: {links: a, address: 10.0.0.1/24}}\n")->flat);
  EXPECT_EQ(errors(client_start +
                   "links: {a: {interface: b}}\ntunnels: {t: {links: a, address: 10.0.0.1/24}}\ntun_mtu: 1400\n"),
            Lines{"6:1: unknown key \"tun_mtu\""});
}

}  // namespace
}  // namespace mpquic::config
