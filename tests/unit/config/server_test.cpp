#include "config/loading.h"

namespace mpquic::config {
namespace {

using ServerFile = Loading;

const std::string one_tunnel = "tunnels: {mt5: {address: 10.200.15.254/24}}\n";    // line 4
const std::string one_client = "clients: {box1: {prefixes: [10.200.15.0/28]}}\n";  // line 5

TEST_F(ServerFile, TheShortestOneHasTheDefaults) {
  const Configuration loaded = good(server_start + one_tunnel + one_client);
  ASSERT_TRUE(loaded.server());
  const ServerConfig& server = *loaded.server();
  EXPECT_EQ(server.tls.certificate->value, folder_ / "tls/server.pem");
  EXPECT_EQ(server.tls.client_auth, ClientAuth::require);
  ASSERT_EQ(server.tunnels.size(), 1u);
  EXPECT_EQ(server.tunnels[0].listen->to_string(), "0.0.0.0:45010");
  EXPECT_EQ(server.tunnels[0].listen.place, (Place{2, 9}));
  EXPECT_EQ(server.tunnels[0].alpns, (std::vector{Alpn::h3, Alpn::mpquic_ip}));
  EXPECT_FALSE(server.between_clients);
  EXPECT_EQ(server.state, "/var/lib/mpquic/nodes");
  ASSERT_EQ(server.clients.size(), 1u);
  EXPECT_EQ(server.clients[0].name, "box1");
  EXPECT_TRUE(server.clients[0].may_use("mt5"));
  EXPECT_EQ(server.clients[0].prefixes[0]->to_string(), "10.200.15.0/28");
}

TEST_F(ServerFile, ATunnelMayListenElsewhereAndAClientMayBeHeldToSomeTunnels) {
  const Configuration loaded = good(server_start +
                                    "tunnels:\n"
                                    "  mt5: {address: 10.200.15.254/24}\n"
                                    "  mt6: {address: [10.200.16.254/24, 'fd00::1/64'], mtu: 1400}\n"
                                    "  mp1: {address: 10.200.17.254/24, listen: '[::]:46017', congestion: cubic}\n"
                                    "clients:\n"
                                    "  box1: {tunnels: [mt5, mp1], prefixes: [10.200.15.0/28, 10.200.17.1]}\n");
  const ServerConfig& server = *loaded.server();
  EXPECT_EQ(server.tunnels[1].mtu, 1400u);
  EXPECT_EQ(server.tunnels[2].congestion, CongestionControl::cubic);
  EXPECT_EQ(server.tunnels[2].listen->to_string(), "[::]:46017");
  EXPECT_EQ(server.listen_addresses().size(), 2u);
  EXPECT_TRUE(server.clients[0].may_use("mp1"));
  EXPECT_FALSE(server.clients[0].may_use("mt6"));
}

TEST_F(ServerFile, EachMistakeIsNamedWhereItStands) {
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {server_start + "tunnels: {a: {address: 10.0.0.254/24}, b: {address: 10.1.0.254/24, congestion: cubic}}\n" +
           one_client,
       {"4:40: tunnels that listen on the same 0.0.0.0:45010 need the same congestion control; that of \"a\" (line 4) "
        "is "
        "bbr"}},
      {server_start + "tunnels: {a: {address: 10.0.0.254/24}, b: {address: 10.0.0.126/25}}\n" + one_client,
       {"4:53: network 10.0.0.0/25 of tunnel \"b\" overlaps 10.0.0.0/24 of tunnel \"a\" (line 4): tunnels that listen "
        "on "
        "the same 0.0.0.0:45010 are told apart by their networks"}},
      {server_start + "tunnels: {a: {address: 10.0.0.1/24}, b: {address: 10.0.0.1/24, listen: 0.0.0.0:2}}\n" +
           one_client,
       {"4:51: address 10.0.0.1 is doubled (tunnel \"a\" has it on line 4)"}},
      {server_start + "tunnels: {a: {address: 10.0.0.1/24}, b: {address: 10.0.1.1/24, listen: '[::]:45010'}}\n" +
           one_client,
       {"2:9: 0.0.0.0:45010 is taken by [::]:45010 (line 4), which takes in IPv4"}},
      {server_start + "tunnels: {a: {address: 10.0.0.1/24, links: [x], server: 1.2.3.4:5}}\n" + one_client,
       {"4:37: \"links\" belongs to a client (role: client)", "4:49: \"server\" belongs to a client (role: client)"}},
      {server_start + one_tunnel + "clients: {box1: {tunnels: [mt6], prefixes: [10.0.0.0/8]}}\n",
       {"5:28: no tunnel is named \"mt6\" (did you mean \"mt5\"?)"}},
      {server_start + one_tunnel + "clients: {a: {prefixes: [10.0.0.0/8]}, b: {prefixes: [11.0.0.0/8, 10.1.0.0/16]}}\n",
       {"5:67: prefix 10.1.0.0/16 of client \"b\" overlaps 10.0.0.0/8 of client \"a\" (line 5, column 26)"}},
      {server_start + one_tunnel + "clients: {a: {prefixes: [10.0.0.1/8]}}\n",
       {"5:26: prefixes: \"10.0.0.1/8\" has host bits set (did you mean 10.0.0.0/8, or the one host 10.0.0.1/32?)"}},
      {server_start + "tunnels: {a: {address: 10.0.0.254/24}, b: {address: 10.1.0.254/24, alpn: h3}}\n" + one_client,
       {"4:40: tunnels that listen on the same 0.0.0.0:45010 need the same alpn; that of \"a\" (line 4) is [h3, "
        "mpquic-ip]"}},
      {server_start + "tunnels: {a: {address: 10.0.0.254/24, alpn: [h3, h3], accept_routes: true}}\n" + one_client,
       {"4:50: alpn: h3 is doubled", "4:55: \"accept_routes\" belongs to a client (role: client)"}},
      {server_start + one_tunnel + "clients: {a: {prefixes: []}}\n", {"5:25: prefixes: the list is empty"}},
      {server_start + one_tunnel, {"1:1: the configuration lacks the key \"clients\""}},
      {server_start + one_tunnel + one_client + "links: {}\nserver: 1.2.3.4:5\nclassify: []\n",
       {"6:1: \"links\" belongs to a client (role: client)", "7:1: \"server\" belongs to a client (role: client)",
        "8:1: \"classify\" belongs to a client (role: client)"}},
      {"role: server\ntls: {certificate: tls/server.pem, key: tls/server.key, client_ca: tls/ca.pem}\n" + one_tunnel +
           one_client,
       {"3:11: tunnel \"mt5\" has no address to listen on (say listen: at the top or here)"}},
      {"role: server\nlisten: 0.0.0.0:70000\ntls: {certificate: tls/server.pem, key: tls/server.key, client_ca: "
       "tls/ca.pem}\n" +
           one_tunnel + one_client,
       {"2:9: listen: port \"70000\" is out of range (1 to 65535)"}},
      {"role: server\nlisten: 0.0.0.0:1\ntls: {ca: tls/ca.pem}\n" + one_tunnel + one_client,
       {"3:1: tls lacks the key \"certificate\"", "3:1: tls lacks the key \"key\"",
        "3:7: \"ca\" belongs to a client (role: client); a server has client_ca and client_auth"}},
      {"role: server\nlisten: 0.0.0.0:1\ntls: {certificate: tls/server.pem, key: tls/server.key}\n" + one_tunnel +
           one_client,
       {"3:1: tls lacks the key \"client_ca\""}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST_F(ServerFile, IsOpenOnlyWhenItSaysSoTwice) {
  const std::string open =
      "role: server\nlisten: 0.0.0.0:1\ntls: {certificate: tls/server.pem, key: tls/server.key, client_auth: none}\n" +
      one_tunnel;
  const std::string anybody_owns = "clients: {\"*\": {prefixes: [10.200.15.0/24]}}\n";

  const Configuration loaded = good(open + anybody_owns);
  EXPECT_EQ(loaded.server()->tls.client_auth, ClientAuth::none);
  EXPECT_EQ(loaded.server()->clients[0].name, anybody);

  EXPECT_EQ(errors(open + one_client),
            Lines{"5:11: client_auth: none needs an entry \"*\" under clients that says what "
                  "such clients may own"});
  EXPECT_EQ(warnings(open + "clients: {\"*\": {prefixes: [10.0.0.0/8]}, box1: {prefixes: [11.0.0.0/8]}}\n"),
            Lines{"5:42: client \"box1\" is never recognised: with client_auth: none everybody is \"*\""});
}

TEST_F(ServerFile, TheAsteriskMayStandBesideNamedClients) {
  const Configuration loaded =
      good(server_start + one_tunnel +
           "clients: {\"*\": {prefixes: [10.200.15.128/25]}, box1: {prefixes: [10.200.15.1]}}\n");
  EXPECT_EQ(loaded.server()->tls.client_auth, ClientAuth::require);
  EXPECT_EQ(errors(server_start + one_tunnel +
                   "clients: {\"*\": {prefixes: [10.0.0.0/8]}, box1: {prefixes: [10.200.15.1]}}\n"),
            Lines{"5:60: prefix 10.200.15.1/32 of client \"box1\" overlaps 10.0.0.0/8 of client \"*\" (line 5, column "
                  "28)"});
}

TEST_F(ServerFile, TunnelsOnDifferentSocketsMayHaveOverlappingNetworks) {
  EXPECT_EQ(errors(server_start +
                   "tunnels: {a: {address: 10.0.0.1/24}, b: {address: 10.0.0.2/24, listen: 0.0.0.0:2}}\n" + one_client),
            Lines{});
}

TEST_F(ServerFile, OnePrefixInsideAnotherOfTheSameClientIsOnlyAWarning) {
  EXPECT_EQ(warnings(server_start + one_tunnel + "clients: {a: {prefixes: [10.1.0.0/16, 10.0.0.0/8]}}\n"),
            Lines{"5:39: prefix 10.0.0.0/8 overlaps 10.1.0.0/16 of the same client (line 5)"});
}

}  // namespace
}  // namespace mpquic::config
