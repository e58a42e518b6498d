#include "config/reload.h"

#include "config/loading.h"

namespace mpquic::config {
namespace {

class ReloadTest : public Loading {
 protected:
  static Lines reasons(const std::string& now, const std::string& next) {
    Lines lines;
    for (const Problem& problem : needs_restart(good(now), good(next))) {
      lines.push_back(to_string("", problem).substr(1));
    }
    return lines;
  }
};

const std::string client = client_start +
                           "links: {wan1: {interface: eth1}, wan2: {interface: eth2}}\n"
                           "tunnels:\n"
                           "  cr: {links: [wan1], address: 10.0.1.1/24}\n"
                           "  df: {links: [wan2], address: 10.0.2.1/24}\n";  // 7 lines
const std::string server = server_start +
                           "tunnels:\n"
                           "  mt: {address: 10.0.1.254/24}\n"
                           "clients:\n"
                           "  box1: {prefixes: [10.0.1.1]}\n";  // 7 lines

std::string with(std::string text, const std::string& before, const std::string& after) {
  const auto at = text.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  return text.replace(at, before.size(), after);
}

TEST_F(ReloadTest, ClassesClientsEgressAndCertificatesChangeLive) {
  EXPECT_EQ(reasons(client, client), Lines());
  EXPECT_EQ(reasons(client, client + "log_level: debug\nclassify:\n  - {interface: eth9, tunnel: df}\n"), Lines());
  EXPECT_EQ(
      reasons(client, with(client, "address: 10.0.1.1/24", "address: 10.0.1.1/24, class: bulk, masquerade: true")),
      Lines());
  EXPECT_EQ(reasons(client,
                    with(client, "{ca: tls/ca.pem}", "{ca: tls/ca.pem, certificate: tls/box1.pem, key: tls/box1.key}")),
            Lines());
  EXPECT_EQ(reasons(server, server + "  box2: {prefixes: [10.0.1.2]}\negress: {interface: eth0}\n"), Lines());
  EXPECT_EQ(reasons(client, with(client, "eth1", "eth1, dns: 192.0.2.53")), Lines());
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.1/24, dns: resolved")), Lines());
  EXPECT_EQ(reasons(server, with(server, "10.0.1.254/24", "10.0.1.254/24, dns: 10.0.1.254")), Lines());
  EXPECT_EQ(reasons(server, with(server, "[10.0.1.1]", "[10.0.1.3, 172.16.0.0/24]")), Lines());
}

TEST_F(ReloadTest, WhatIsHandedOutChangesLiveAndHowTheEndsSpeakDoesNot) {
  const std::string h3 = with(client, "links: {", "alpn: h3\nlinks: {");
  const auto of_server = [](const std::string& more) {
    return with(server, "10.0.1.254/24", "10.0.1.254/24, " + more);
  };
  EXPECT_EQ(reasons(server, of_server("pool: 10.0.1.0/25")), Lines());
  EXPECT_EQ(reasons(server, of_server("routes: 0.0.0.0/0")), Lines());
  EXPECT_EQ(reasons(server, with(server, "[10.0.1.1]", "[10.0.1.1], addresses: 10.0.1.2")), Lines());
  EXPECT_EQ(reasons(server, server + "between_clients: true\n"), Lines());
  EXPECT_EQ(reasons(h3, with(h3, "10.0.1.1/24", "10.0.1.1/24, accept_routes: false")), Lines());

  EXPECT_EQ(reasons(server, server + "state: elsewhere\n"), Lines{" another state directory needs a restart"});
  EXPECT_EQ(reasons(server, of_server("alpn: mpquic-ip")),
            Lines{"5:3: tunnel \"mt\" is another one now: that needs a restart"});
  EXPECT_EQ(reasons(server, of_server("alpn: [mpquic-ip, h3]")).size(), 1U);
  EXPECT_EQ(reasons(client, h3).size(), 2U) << "each tunnel";
  EXPECT_EQ(reasons(h3, with(h3, "address: 10.0.1.1/24", "address: auto")),
            Lines{"7:3: tunnel \"cr\" is another one now: that needs a restart"});
}

TEST_F(ReloadTest, HowPathsAreUsedChangesLiveAndWhichPathsThereAreDoesNot) {
  const std::string whole = client_start +
                            "alpn: h3\n"
                            "links: {wan1: {interface: eth1}, wan2: {interface: eth2}, wan3: {interface: eth3}}\n"
                            "tunnels:\n"
                            "  mp: {links: [wan1, wan2], policy: bonded}\n"
                            "  df: {links: [wan3]}\n";
  for (const char* links : {"{wan1: {priority: 1}, wan2: {priority: 2}}", "{wan1: {weight: 7}, wan2: {}}"}) {
    EXPECT_EQ(reasons(whole, with(whole, "[wan1, wan2]", links)), Lines()) << links;
  }
  EXPECT_EQ(reasons(whole, with(whole, "eth2", "eth2, metered: true, priority: 3, weight: 4")), Lines());
  EXPECT_EQ(reasons(whole, with(whole, "bonded", "redundant")), Lines());
  EXPECT_EQ(reasons(whole, with(whole, ", policy: bonded", "")), Lines()) << "which is the default";
  const std::string rule = "classify: {dscp: ef, tunnel: mp}\n";
  EXPECT_EQ(reasons(whole + rule, whole + with(rule, "mp", "mp, policy: redundant")), Lines());
  EXPECT_EQ(reasons(server, with(server, "10.0.1.254/24", "10.0.1.254/24, policy: balanced")), Lines());

  const Lines other{"7:3: tunnel \"mp\" is another one now: that needs a restart"};
  for (const char* links : {"[wan1]", "[wan1, wan3]", "[wan1, wan2, wan3]", "[wan2, wan1]"}) {
    EXPECT_EQ(reasons(whole, with(whole, "[wan1, wan2]", links)), other) << links;
  }
  EXPECT_EQ(reasons(whole, with(whole, "[wan1, wan2]", "{wan1: {server: 'vps:1'}, wan2: {}}")), other);
  EXPECT_EQ(reasons(whole, with(whole, "links: [wan3]", "links: [wan3], policy: bonded")),
            Lines{"8:3: tunnel \"df\" is another one now: that needs a restart"});
}

TEST_F(ReloadTest, TheOrderOfTunnelsAndLinksIsOfNoAccount) {
  const std::string other = client_start +
                            "links: {wan2: {interface: eth2}, wan1: {interface: eth1}}\n"
                            "tunnels:\n"
                            "  df: {links: [wan2], address: 10.0.2.1/24}\n"
                            "  cr: {links: [wan1], address: 10.0.1.1/24}\n";
  EXPECT_EQ(reasons(client, other), Lines());
}

TEST_F(ReloadTest, WhatTheTunnelsStandOnNeedsARestart) {
  const std::string cr = "6:3: tunnel \"cr\" is another one now: that needs a restart";
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.2/24")), Lines{cr});
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.1/24, mtu: 1300")), Lines{cr});
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.1/24, congestion: cubic")), Lines{cr});
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.1/24, server: 192.0.2.2:1")), Lines{cr});
  EXPECT_EQ(reasons(client, with(client, "10.0.1.1/24", "10.0.1.1/24, server: vps.example.net:45010")), Lines{cr});
  EXPECT_EQ(reasons(client, with(client, "links: [wan1]", "links: [wan2]")).size(), 1U);
  EXPECT_EQ(reasons(client, with(client, "eth1", "eth7")),
            Lines{"4:9: link \"wan1\" is another one now: that needs a restart"});
  EXPECT_EQ(reasons(client, with(client, "eth1", "eth1, address: 192.0.2.7")).size(), 1U);
  EXPECT_EQ(reasons(client, client + "  new: {links: [wan2], address: 10.0.3.1/24}\n"),
            Lines{"8:3: a new tunnel needs a restart: \"new\""});
  EXPECT_EQ(reasons(client + "  old: {links: [wan2], address: 10.0.3.1/24}\n", client),
            Lines{" tunnel \"old\" is gone: that needs a restart"});
  EXPECT_EQ(reasons(server, with(server, "0.0.0.0:45010", "0.0.0.0:45011")).size(), 1U);
  EXPECT_EQ(reasons(client, client + "workers: 2\n"), Lines{" another number of workers needs a restart"});
  EXPECT_EQ(reasons(client, client + "control: /run/other.sock\n"), Lines{" another control socket needs a restart"});
  EXPECT_EQ(reasons(client, server), Lines{" another role needs a restart"});
}

}  // namespace
}  // namespace mpquic::config
