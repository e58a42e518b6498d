#include <linux/fib_rules.h>

#include <cerrno>

#include "doctor/scene.h"
#include "system/routing.h"

namespace mpquic::doctor {
namespace {

using Lines = std::vector<std::string>;
using Outcome = ProbedPath::Outcome;

packet::Prefix prefix(const char* text) { return packet::Prefix::parse(text).value(); }

/// What is seen is made up; only the configuration is read.
class ExamineTest : public testing::Test {
 protected:
  static control::NodeStatus running(const std::string& state, const std::string& detail = {}) {
    control::NodeStatus node;
    node.pid = 7;
    node.tunnels.push_back(
        {.name = "cr", .state = state, .detail = detail, .link = "wan1", .server = "192.0.2.10:45010"});
    return node;
  }
  static ProbedPath path(Outcome outcome) {
    return {.link = "wan1",
            .interface = "eth7",
            .server = *packet::SocketAddress::parse("192.0.2.10:45010"),
            .outcome = outcome};
  }

  Scene scene_;
};

TEST_F(ExamineTest, TheWorstComesFirstAndTheMendStandsBelow) {
  Findings findings = {{Severity::ok, "a", ""},
                       {Severity::problem, "b", "mend b"},
                       {Severity::warning, "c", ""},
                       {Severity::problem, "d", ""}};
  put_worst_first(findings);
  EXPECT_EQ(to_text(findings), "problem  b\n            mend b\nproblem  d\nwarning  c\nok       a\n");
  const std::string json = to_json_text({{Severity::problem, "b\xff", "\"m\""}});
  for (const char* part : {R"("problems": 1)", R"("warnings": 0)", R"("severity": "problem")", R"("mend": "\"m\"")"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << " is not in " << json;
  }
}

TEST_F(ExamineTest, ATunnelIsUpOverSomeOfItsLinks) {
  Observations seen;
  seen.node = running("up");
  seen.node->tunnels[0].mtu = 1382;
  seen.node->tunnels[0].connections = {
      {.link = "wan1", .state = "up", .rtt_us = 16'700},
      {.link = "wan2", .state = "backing off", .detail = "closed by the other end: somebody else's session"},
      {.link = "wan3", .state = "up", .rtt_us = 34'000}};
  Findings findings;
  examine_node(scene_.client(), seen, findings);
  EXPECT_EQ(to_text(findings),
            "warning  tunnel cr, over link wan2, is backing off: closed by the other end: somebody else's session\n"
            "            see the server's log\n"
            "ok       tunnel cr: up over wan1, 16.7 ms, and wan3, 34.0 ms, MTU 1382\n");
}

TEST_F(ExamineTest, WhyATunnelIsDownHasItsMend) {
  const struct {
    const char *detail, *mend;
  } rows[] = {{"the other end refused us: Certificate is bad", "client_ca"},
              {"the other end's certificate is refused: it has expired", "server_name"},
              {"closed by the other end: calls itself 10.9.9.9, which it does not own", "prefixes"},
              {"closed by the other end: a newer connection has this tunnel address", "two boxes"},
              {"closed by the other end: the server stops", "log"},
              {"no answer", ""}};
  for (const auto& row : rows) {
    Observations seen;
    seen.node = running("backing off", row.detail);
    Findings findings;
    examine_node(scene_.client(), seen, findings);
    ASSERT_EQ(wrong(findings), Lines{std::string("problem: tunnel cr, over link wan1 to 192.0.2.10:45010, is down, "
                                                 "backing off: ") +
                                     row.detail});
    EXPECT_NE(findings[0].mend.find(row.mend), std::string::npos) << findings[0].mend;
    EXPECT_EQ(findings[0].mend.empty(), *row.mend == '\0');
  }
}

TEST_F(ExamineTest, ATunnelThatIsUpProvesMoreThanAProbe) {
  const auto configuration = scene_.client();
  Observations seen;
  seen.paths = {path(Outcome::forbidden)};
  Findings down, up;
  examine_reachability(*configuration.client(), seen, down);
  EXPECT_EQ(wrong(down).size(), 1);
  seen.node = running("up");
  examine_reachability(*configuration.client(), seen, up);
  EXPECT_EQ(wrong(up), Lines());
}

TEST_F(ExamineTest, ALostProbeIsNoBlackHole) {
  Observations seen;
  seen.paths = {path(Outcome::answered)};
  seen.paths[0].answered = {1200, 1472};
  seen.paths[0].silent = {1332};
  Findings findings;
  examine_path_mtu(seen, findings);
  EXPECT_EQ(wrong(findings), Lines());
  seen.paths[0].answered = {1200};
  examine_path_mtu(seen, findings);
  EXPECT_EQ(wrong(findings),
            Lines{"warning: link wan1: packets of 1360 bytes vanish on the way to 192.0.2.10:45010 and "
                  "no ICMP says so; those of 1228 arrive. Tunnels find that out and carry less"});
}

TEST_F(ExamineTest, OfAListenAddress) {
  const system::Holder us{7, "mpquic"}, other{9, "dnsmasq"};
  const struct {
    int error;
    std::optional<system::Holder> holder;
    bool runs;
    const char* what;
  } rows[] = {
      {0, {}, false, ""},
      {EADDRINUSE, us, true, ""},
      {EADDRINUSE, {}, true, ""},
      {EADDRINUSE, other, true, "problem: UDP 127.0.0.1:53 is taken by process 9 (dnsmasq)"},
      {EADDRINUSE, {}, false, "problem: UDP 127.0.0.1:53 is taken by another process"},
      {EACCES, {}, false, "problem: UDP 127.0.0.1:53 may not be listened on without privilege"},
      {ENOBUFS, {}, false, "problem: UDP 127.0.0.1:53: No buffer space available"},
      {0, {}, true, "problem: the node runs and does not listen on 127.0.0.1:53, which the configuration names"}};
  for (const auto& row : rows) {
    Observations seen;
    seen.listens = {{*packet::SocketAddress::parse("127.0.0.1:53"), row.error, row.holder}};
    if (row.runs) seen.node = running("up");
    Findings findings;
    examine_listening(seen, findings);
    EXPECT_EQ(wrong(findings), *row.what == '\0' ? Lines() : Lines{row.what});
  }
}

TEST_F(ExamineTest, AForeignRuleIsWrongOnlyWhereItTakesWhatIsOurs) {
  using system::RuleMessage;
  const RuleMessage catch_all{.priority = 9000, .action = FR_ACT_TO_TBL, .protocol = 4, .table = 77};
  const auto with = [&](auto change) {
    RuleMessage rule = catch_all;
    change(rule);
    return rule;
  };
  const struct {
    const char* what;
    RuleMessage rule;
    bool wrong;
  } rows[] = {
      {"a default route for all", catch_all, true},
      {"behind ours", with([](auto& rule) { rule.priority = 20'000; }), false},
      {"a table without default route", with([](auto& rule) { rule.table = 78; }), false},
      {"of the other family", with([](auto& rule) { rule.family = packet::Address::Family::ipv6; }), false},
      {"for one source", with([](auto& rule) { rule.source = prefix("10.0.0.0/8"); }), false},
      {"for one destination", with([](auto& rule) { rule.destination = prefix("10.0.0.0/8"); }), false},
      {"for what comes in somewhere", with([](auto& rule) { rule.input_interface = "lo"; }), false},
      {"for one port", with([](auto& rule) { rule.narrowed = true; }), false},
      {"a default route that does not count", with([](auto& rule) { rule.ignores_defaults = true; }), false},
      {"our mark", with([](auto& rule) { rule.mark = 0x00100000, rule.mask = 0xfff00000; }), true},
      {"another mark", with([](auto& rule) { rule.mark = 0x00200000, rule.mask = 0xfff00000; }), false},
      {"a bit that we do not set", with([](auto& rule) { rule.mark = 1, rule.mask = 1; }), false},
      {"an end", with([](auto& rule) { rule.action = FR_ACT_PROHIBIT, rule.table = 0; }), true},
      {"a jump", with([](auto& rule) { rule.action = FR_ACT_GOTO, rule.table = 0; }), false},
      {"the link's way, the same", with([](auto& rule) { rule.output_interface = "eth7"; }), false},
      {"the link's end", with([](auto& rule) { rule.output_interface = "eth7", rule.action = FR_ACT_BLACKHOLE; }),
       true},
  };
  for (const auto& row : rows) {
    Observations seen;
    seen.rules = {row.rule};
    seen.plan.routing.rules = {{.priority = 10'000, .table = 10'000, .output_interface = "eth7"},
                               {.priority = 10'001, .table = 10'001, .mark = 0x00100000, .mask = 0xfff00000}};
    seen.default_routes = {{.destination = prefix("0.0.0.0/0"), .table = 77}};
    Findings findings;
    examine_routing(seen, findings);
    EXPECT_EQ(wrong(findings).size(), row.wrong ? 1U : 0U) << row.what;
  }
}

TEST_F(ExamineTest, RulesOfOursThatAreGoneAreMissed) {
  Observations seen;
  seen.nftables = "";
  seen.plan.routing.rules = {{.priority = 10'000, .table = 10'000, .output_interface = "eth7"}};
  seen.rules = {{.priority = 32'766, .action = FR_ACT_TO_TBL, .table = 254}};
  Findings idle, findings;
  examine_routing(seen, idle);
  EXPECT_EQ(wrong(idle), Lines());
  seen.node = running("up");
  examine_routing(seen, findings);
  EXPECT_EQ(wrong(findings), Lines{"problem: 1 of the node's 1 routing rules are not there, though it runs"});
}

TEST_F(ExamineTest, ForwardingThatIsTheAdministratorsIsAskedForWhereItIsNeeded) {
  const auto server = scene_.server();
  Observations seen;
  seen.sysctls["net/ipv4/ip_forward"] = "0";
  Findings alone, behind, on;
  examine_sysctls(server, seen, alone);
  EXPECT_EQ(wrong(alone), Lines());
  seen.plan.routing.routes = {{254, prefix("172.16.21.0/30"), 500, 3, std::nullopt}};
  examine_sysctls(server, seen, behind);
  EXPECT_EQ(wrong(behind), Lines{"warning: 172.16.21.0/30 lies behind a client, and this machine forwards nothing "
                                 "(ip_forward is 0)"});
  seen.sysctls["net/ipv4/ip_forward"] = "1";
  examine_sysctls(server, seen, on);
  EXPECT_EQ(wrong(on), Lines());
}

TEST_F(ExamineTest, AServerOfSeveralTunnelsNeedsALooseReversePathFilter) {
  const auto server = scene_.load(
      "role: server\nlisten: 127.0.0.1:45010\ntls: {certificate: a, key: b, client_ca: c}\n"
      "tunnels: {m1: {address: 10.1.0.1/24}, m2: {address: 10.2.0.1/24}}\nclients: {b: {prefixes: [10.1.0.2]}}\n");
  Observations seen;
  seen.sysctls = {
      {"net/ipv4/conf/all/rp_filter", "0"}, {"net/ipv4/conf/m1/rp_filter", "2"}, {"net/ipv4/conf/m2/rp_filter", "1"}};
  Findings findings;
  examine_sysctls(server, seen, findings);
  EXPECT_EQ(wrong(findings),
            Lines{"problem: rp_filter is strict on tunnel m2: what clients send through several tunnels is dropped"});
}

TEST_F(ExamineTest, WhatTheKernelLacksIsToldAndIsNoFault) {
  Observations seen;
  seen.kernel = {.udp_segmentation = false, .receive_buffer = 212'992, .time_synced = false};
  Findings findings;
  examine_kernel(seen, findings);
  EXPECT_EQ(findings.size(), 3U);
  EXPECT_EQ(wrong(findings), Lines());
  seen.kernel = {.receive_buffer = 8 << 20, .time_synced = true};
  Findings able;
  examine_kernel(seen, able);
  EXPECT_EQ(able, Findings());
}

TEST_F(ExamineTest, TablesOfIptablesLegacyAreToldOf) {
  Observations seen;
  seen.legacy_iptables = true;
  Findings findings;
  examine_firewall(scene_.client(), seen, findings);
  EXPECT_EQ(wrong(findings), Lines{"warning: iptables-legacy has tables in force, which are not looked into"});
}

TEST_F(ExamineTest, WhatCouldNotBeSeenIsSaid) {
  Observations seen;
  seen.unseen = {"firewall rules: Operation not permitted"};
  seen.node_unknown = true;
  EXPECT_EQ(wrong(examine(scene_.client(), seen)).front(), "problem: link wan1: interface eth7 does not exist");
  EXPECT_EQ(wrong(examine(scene_.client(), seen)).back(),
            "warning: not looked at: firewall rules: Operation not permitted");
}

}  // namespace
}  // namespace mpquic::doctor
