#include "config/describe.h"
#include "config/loading.h"

namespace mpquic::config {
namespace {

using PathsFile = Loading;

// Lines 4 and 5.
const std::string h3 = client_start +
                       "alpn: h3\n"
                       "links: {wan4: {interface: a}, wan5: {interface: b}, wan6: {interface: c, alpn: mpquic-ip}, "
                       "wan7: {interface: d, alpn: mpquic-ip}}\n";

/// Of the tunnel mp, which is on line 6.
std::string tunnel(const std::string& what) { return h3 + "tunnels: {mp: {" + what + "}}\n"; }

ClientTunnel read(const Configuration& loaded) { return loaded.client()->tunnels.front(); }

TEST_F(PathsFile, ATunnelGoesOverSeveralLinks) {
  for (const char* links : {"[wan4, wan5]", "{wan4: {}, wan5: {}}"}) {
    const ClientTunnel mp = read(good(tunnel(std::string("links: ") + links)));
    ASSERT_EQ(mp.paths.size(), 2U);
    EXPECT_EQ(mp.paths[0], (Path{{"wan4"}, mp.paths[0].server, Alpn::h3, 1, 1})) << links;
    EXPECT_EQ(mp.paths[1].link.value, "wan5") << links;
    EXPECT_EQ(mp.paths[1].server->to_string(), "192.0.2.1:45010") << links;
    EXPECT_EQ(mp.policy->value, PathPolicy::bonded) << "the default, of h3";
    EXPECT_TRUE(mp.auto_address);
  }
  const ClientTunnel old = read(good(tunnel("links: [wan6, wan7], address: 10.0.0.1/24")));
  EXPECT_EQ(old.policy->value, PathPolicy::failover) << "the default, of mpquic-ip";
  EXPECT_EQ(read(good(tunnel("links: [wan4]"))).policy, std::nullopt) << "there is nothing to choose";
  EXPECT_EQ(read(good(tunnel("links: wan4, policy: bonded"))).policy->value, PathPolicy::bonded);
}

TEST_F(PathsFile, EveryPolicyIsReadWhereItCanBeHad) {
  const std::pair<const char*, PathPolicy> policies[] = {{"failover", PathPolicy::failover},
                                                         {"balanced", PathPolicy::balanced},
                                                         {"bonded", PathPolicy::bonded},
                                                         {"redundant", PathPolicy::redundant}};
  for (const auto& [word, policy] : policies) {
    EXPECT_EQ(name(policy), word);
    const std::string line = std::string("policy: ") + word;
    EXPECT_EQ(read(good(tunnel("links: [wan4, wan5], " + line))).policy->value, policy);
    const Configuration server = good(server_start + "tunnels: {mt: {address: 10.0.0.254/24, " + line +
                                      "}}\nclients: {box1: {prefixes: 10.0.0.1}}\n");
    EXPECT_EQ(server.server()->tunnels[0].policy->value, policy);
    const Configuration rule =
        good(tunnel("links: [wan4, wan5]") + "classify: {source: 10.0.0.0/8, tunnel: mp, " + line + "}\n");
    EXPECT_EQ(rule.client()->classify[0].policy->value, policy);
  }
  EXPECT_EQ(good(server_start + "tunnels: {mt: {address: 10.0.0.254/24}}\nclients: {box1: {prefixes: 10.0.0.1}}\n")
                .server()
                ->tunnels[0]
                .policy,
            std::nullopt)
      << "as the client asks";
}

TEST_F(PathsFile, TheNearerRankAndServerWin) {
  const Configuration loaded =
      good(client_start +
           "links:\n"
           "  wan4: {interface: a, metered: true, priority: 7, weight: 8}\n"
           "  wan5: {interface: b, server: 192.0.2.5:5, weight: 65535}\n"
           "  wan6: {interface: c}\n"
           "tunnels:\n"
           "  far: {links: [wan4, wan5, wan6], address: 10.0.0.1/24}\n"
           "  own: {links: {wan4: {priority: 1, weight: 2}, wan5: {server: 'vps:6'}, wan6: {priority: 3}},\n"
           "        server: 192.0.2.9:9, address: 10.0.0.2/24}\n");
  const auto& [far, own] = std::pair(loaded.client()->tunnels[0], loaded.client()->tunnels[1]);
  const auto told = [](const ClientTunnel& each) {
    std::string text;
    for (const Path& path : each.paths) {
      text += fmt::format("{} {} {} {}; ", path.link.value, path.server->to_string(), path.priority, path.weight);
    }
    return text;
  };
  EXPECT_EQ(told(far), "wan4 192.0.2.1:45010 7 8; wan5 192.0.2.5:5 1 65535; wan6 192.0.2.1:45010 1 1; ");
  EXPECT_EQ(told(own), "wan4 192.0.2.9:9 1 2; wan5 vps:6 1 65535; wan6 192.0.2.9:9 3 1; ");
  EXPECT_TRUE(loaded.client()->find_link("wan4")->metered);
  EXPECT_FALSE(loaded.client()->find_link("wan5")->metered);
}

TEST_F(PathsFile, EachMistakeIsNamedWhereItStands) {
  const std::string both = "tunnels: {mp: {links: [wan4, wan5]}, old: {links: [wan6, wan7], address: 10.0.0.1/24}}\n";
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {tunnel("links: [wan4, wan6], policy: bonded"),
       {"6:30: the links of tunnel \"mp\" need the same alpn: \"wan4\" has h3, \"wan6\" has mpquic-ip"}},
      {tunnel("links: [wan6, wan7], address: 10.0.0.1/24, policy: bonded"),
       {"6:67: policy: bonded needs alpn: h3, and tunnel \"mp\" has mpquic-ip: failover or balanced"}},
      {tunnel("links: [wan6, wan7], address: 10.0.0.1/24, policy: redundant"),
       {"6:67: policy: redundant needs alpn: h3, and tunnel \"mp\" has mpquic-ip: failover or balanced"}},
      {tunnel("links: wan6, address: 10.0.0.1/24, policy: bonded"),
       {"6:59: policy: bonded needs alpn: h3, and tunnel \"mp\" has mpquic-ip: failover or balanced"}},
      {tunnel("links: [wan4, wan5], policy: bondad"),
       {"6:45: policy: \"bondad\" is none of failover, balanced, bonded, redundant (did you mean \"bonded\"?)"}},
      {tunnel("links: [wan4, wan5], policy: [bonded]"), {"6:45: policy: a single value must stand here, not a list"}},
      {tunnel("links: [wan4, wan5, wan4]"), {"6:36: link \"wan4\" is doubled"}},
      {tunnel("links: {wan4: {}, wan5: {}, wan4: {}}"), {"6:44: key \"wan4\" is doubled (first on line 6)"}},
      {tunnel("links: {wan4: {}, wan8: {}}"), {"6:34: no link is named \"wan8\" (did you mean \"wan4\"?)"}},
      {tunnel("links: {}"), {"6:23: links is empty"}},
      {tunnel("links: {wan4: , wan5: 2}"),
       {"6:24: link \"wan4\" must be a map (key: value), not nothing",
        "6:38: link \"wan5\" must be a map (key: value), not a single value"}},
      {tunnel("links: {wan4: {priority: 0, weight: -1}, wan5: {priority: 65536, weight: x}}"),
       {"6:41: priority: \"0\" is no number from 1 to 65535", "6:52: weight: \"-1\" is no number from 1 to 65535",
        "6:74: priority: \"65536\" is no number from 1 to 65535", "6:89: weight: \"x\" is no number from 1 to 65535"}},
      {tunnel("links: {wan4: {wieght: 3}, wan5: {alpn: h3, metered: true}}"),
       {"6:31: unknown key \"wieght\" (did you mean \"weight\"?)", "6:50: unknown key \"alpn\"",
        "6:60: unknown key \"metered\""}},
      {tunnel("links: {wan4: {server: here}, wan5: {}}"),
       {"6:39: server: \"here\" has no port (did you mean here:45010?)"}},
      {client_start + "links: {wan4: {interface: a, metered: often, priority: 1.5, weight: 0}}\n"
                      "tunnels: {mp: {links: wan4, address: 10.0.0.1/24}}\n",
       {"4:39: metered: \"often\" is none of true, false", "4:56: priority: \"1.5\" is no number from 1 to 65535",
        "4:69: weight: \"0\" is no number from 1 to 65535"}},
      {client_start + "policy: bonded\nlinks: {wan4: {interface: a, policy: bonded}}\n"
                      "tunnels: {mp: {links: wan4, address: 10.0.0.1/24}}\n",
       {"4:1: unknown key \"policy\"", "5:30: unknown key \"policy\""}},
      {h3 + both + "classify: [{source: 10.1.0.0/16, tunnel: old, policy: redundant}, {tunnel: mp, policy: fast}]\n",
       {"7:55: policy: redundant needs alpn: h3, and tunnel \"old\" has mpquic-ip: failover or balanced",
        "7:88: policy: \"fast\" is none of failover, balanced, bonded, redundant"}},
      {h3 + both + "classify: {vlan: 2Y, tunnels: {1: mp}, policy: bonded}\n",
       {"7:48: a rule with a policy can't ask for interfaces or VLANs: say its traffic by addresses, ports or dscp"}},
      {h3 + both + "classify: {interface: eth9, tunnel: mp, policy: redundant}\n",
       {"7:49: a rule with a policy can't ask for interfaces or VLANs: say its traffic by addresses, ports or dscp"}},
      {h3 + "tunnels: {mp: {links: [wan4, wan5], masquerade: true}}\n" +
           "classify: [{source: 10.1.0.0/16, tunnel: mp, policy: redundant}, {dscp: ef, tunnel: mp, policy: "
           "failover}]\n",
       {"7:54: a rule with a policy can't ask for sources, since tunnel \"mp\" masquerades: say its traffic by "
        "destinations, ports or dscp"}},
      {server_start + "tunnels: {mt: {address: 10.0.0.254/24, alpn: mpquic-ip, policy: redundant}}\n"
                      "clients: {box1: {prefixes: 10.0.0.1}}\n",
       {"4:65: policy: redundant needs alpn: h3, and tunnel \"mt\" has mpquic-ip: failover or balanced"}},
      {server_start + "tunnels: {mt: {address: 10.0.0.254/24, policy: best}}\nclients: {box1: {prefixes: 10.0.0.1}}\n",
       {"4:48: policy: \"best\" is none of failover, balanced, bonded, redundant"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST_F(PathsFile, ATunnelHasSoManyPathsAndNoMore) {
  const auto with_links = [](int count) {
    std::string links, names;
    for (int i = 1; i <= count; ++i) {
      links += fmt::format("{}w{}: {{interface: e{}}}", i == 1 ? "" : ", ", i, i);
      names += fmt::format("{}w{}", i == 1 ? "" : ", ", i);
    }
    return client_start + "alpn: h3\nlinks: {" + links + "}\ntunnels: {mp: {links: [" + names + "]}}\n";
  };
  EXPECT_EQ(errors(with_links(8)), Lines());
  EXPECT_EQ(errors(with_links(9)), Lines{"6:56: tunnel \"mp\" goes over 9 links, and can over 8"});
}

TEST_F(PathsFile, ARuleOfATunnelWithOnePathHasNothingToChoose) {
  const std::string rule = "classify: {source: 10.0.0.0/8, tunnel: mp, policy: redundant}\n";
  const auto without_unused = [&](const std::string& text) {
    Lines lines = warnings(text);
    std::erase_if(lines, [](const std::string& line) { return line.find("no tunnel uses link") != std::string::npos; });
    return lines;
  };
  EXPECT_EQ(without_unused(tunnel("links: wan4") + rule),
            Lines{"7:52: policy has no effect: tunnel \"mp\" goes over one link alone"});
  EXPECT_EQ(without_unused(tunnel("links: [wan4, wan5]") + rule), Lines());
  EXPECT_EQ(without_unused(tunnel("links: wan4, policy: bonded") + rule), Lines());
}

TEST_F(PathsFile, IsDescribedInPlainWords) {
  const std::string client =
      describe(good(client_start + "alpn: h3\n"
                                   "links: {wan4: {interface: a}, wan5: {interface: b, metered: true, weight: 4}}\n"
                                   "tunnels:\n"
                                   "  mp: {links: {wan4: {priority: 2}, wan5: {}}}\n"
                                   "  one: {links: wan4}\n"
                                   "classify: [{source: 10.0.0.0/8, tunnel: mp, policy: redundant, fallback: one}]\n"));
  for (const std::string part :
       {"link wan4: interface a\nlink wan5: interface b, metered\n",
        "  policy bonded\n"
        "  path over link wan4 to server 192.0.2.1:45010, h3, priority 2, weight 1\n"
        "  path over link wan5 to server 192.0.2.1:45010, h3, priority 1, weight 4\n",
        "congestion control bbr\n  path over link wan4 to server 192.0.2.1:45010, h3\n",
        "traffic of from 10.0.0.0/8: tunnel mp with policy redundant, while it is down one\n"}) {
    EXPECT_TRUE(client.contains(part)) << part << "\nis not in\n" << client;
  }
  const std::string server = describe(good(server_start + "tunnels: {mt: {address: 10.0.0.254/24, policy: balanced}}\n"
                                                          "clients: {box1: {prefixes: 10.0.0.1}}\n"));
  EXPECT_TRUE(server.contains("  uses the paths of clients with policy balanced\n")) << server;
}

}  // namespace
}  // namespace mpquic::config
