#include "doctor/nft_verdict.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "system/nftables.h"
#include "system/own_network.h"

namespace mpquic::doctor {
namespace {

using Fate = Judgement::Fate;

/// Rules as an administrator writes them, made in the kernel and read back.
class NftVerdictTest : public system::OwnNetwork {
 protected:
  static Judgement judged(const std::string& inside, const Flow& flow, const std::string& family = "inet") {
    auto nftables = system::Nftables::open();
    const std::string table = family + " t";
    const auto made =
        nftables->run("table " + table + " {}\ndelete table " + table + "\ntable " + table + " {\n" + inside + "\n}\n");
    EXPECT_TRUE(made) << made.error().message << "\n" << inside;
    const auto ruleset = NftRuleset::parse(nftables->list_all_json().value());
    EXPECT_TRUE(ruleset);
    for (const NftChain& chain : ruleset->chains()) {
      if (chain.hook == "input") return judge(*ruleset, chain, flow);
    }
    ADD_FAILURE() << "no base chain in " << inside;
    return {};
  }
  static Judgement input(const std::string& rules, const Flow& flow, const std::string& policy = "accept",
                         const std::string& before = {}) {
    return judged(before + "\nchain in {\ntype filter hook input priority 0; policy " + policy + ";\n" + rules + "\n}",
                  flow);
  }
};

/// What a client of a server sends.
Flow question() {
  Flow flow{.input = "wan1", .output = "", .protocol = "udp"};
  flow.destination_port = 45010;
  flow.destination = packet::Address::parse("192.0.2.10");
  return flow;
}

struct Row {
  std::string rules;
  Fate accept, drop;  ///< by the chain's policy
};

TEST_F(NftVerdictTest, RulesAreReadAsTheKernelWouldApplyThem) {
  const Fate passes = Fate::passes, dropped = Fate::dropped, perhaps = Fate::perhaps_dropped;
  const std::vector<Row> rows = {
      {"", passes, dropped},
      {"udp dport 45010 accept", passes, passes},
      {"udp dport 45011 accept", passes, dropped},
      {"udp dport != 45010 accept", passes, dropped},
      {"udp dport 45010 drop", dropped, dropped},
      {"tcp dport 45010 drop", passes, dropped},
      {"tcp dport != 22 drop", passes, dropped},
      {"udp dport { 53, 45000-46000 } accept", passes, passes},
      {"udp dport { 53, 1000-2000 } accept", passes, dropped},
      {"udp dport 45000-46000 reject", dropped, dropped},
      {"meta l4proto { tcp, udp } th dport 45010 counter drop", dropped, dropped},
      {"ip protocol udp accept", passes, passes},
      {"ip protocol tcp drop", passes, dropped},
      {"ip6 nexthdr udp drop", passes, dropped},
      {"meta nfproto ipv6 drop", passes, dropped},
      {"iifname \"wan1\" accept", passes, passes},
      {"iifname \"wan*\" accept", passes, passes},
      {"iifname { \"lan0\", \"wan*\" } log accept", passes, passes},
      {"iifname \"lan0\" accept", passes, dropped},
      {"iifname != \"lan0\" drop", dropped, dropped},
      {"iif lo accept", passes, dropped},
      {"ct state established,related accept", passes, dropped},
      {"ct state new accept", passes, passes},
      {"ct state invalid drop", passes, dropped},
      {"ct state vmap { established : accept, invalid : drop, new : accept }", passes, passes},
      {"udp dport vmap { 1-5 : accept, 45010 : drop }", dropped, dropped},
      {"iifname . udp dport { \"wan1\" . 45010 } accept", passes, passes},
      {"iifname . udp dport { \"wan1\" . 45011, \"lan0\" . 45010 } accept", passes, dropped},
      {"ip daddr 192.0.2.0/24 accept", passes, passes},
      {"ip daddr { 192.0.2.1-192.0.2.9, 10.0.0.0/8 } accept", passes, dropped},
      {"fib daddr type local accept", passes, passes},
      {"fib daddr type != local drop", passes, dropped},
      // What can't be judged makes an accept doubtful, and counts as a drop only where it names what is ours.
      {"ip saddr 198.51.100.0/24 accept", passes, perhaps},
      {"ip saddr 198.51.100.0/24 drop", passes, dropped},
      {"ip saddr 198.51.100.0/24 udp dport 45010 drop", perhaps, dropped},
      {"udp dport 45010 limit rate 5/second accept", passes, perhaps},
      {"meta mark 7 accept; drop", perhaps, perhaps},
      {"meta mark 7 drop; udp dport 45010 accept", passes, passes},
      // Chains.
      {"jump other", passes, dropped},
      {"jump opens", passes, passes},
      {"goto opens", passes, passes},
      {"jump closes", dropped, dropped},
      {"jump leaves; udp dport 45010 accept", passes, passes},
      {"goto leaves; udp dport 45010 accept", passes, dropped},
      {"meta mark 7 jump opens", passes, perhaps},
      {"meta mark 7 jump closes; accept", perhaps, perhaps},
      {"tcp dport 1 jump closes; accept", passes, passes},
      {"meta mark 7 return; udp dport 45010 accept", passes, passes},
      {"return; drop", passes, dropped},
      // Named sets and maps.
      {"udp dport @ports accept", passes, passes},
      {"udp dport @few accept", passes, dropped},
      {"udp dport vmap @services", dropped, dropped},
  };
  const std::string before =
      "set ports { type inet_service; flags interval; elements = { 22, 45000-45100 }; }\n"
      "set few { type inet_service; elements = { 22 }; }\n"
      "map services { type inet_service : verdict; elements = { 45010 : drop }; }\n"
      "chain opens { tcp dport 45010 drop; udp dport 45010 accept; }\n"
      "chain closes { udp dport 45010 drop; }\n"
      "chain leaves { return; drop; }\n"
      "chain other { udp dport 1 accept; }\n";
  for (const Row& row : rows) {
    EXPECT_EQ(input(row.rules, question(), "accept", before).fate, row.accept) << "policy accept: " << row.rules;
    EXPECT_EQ(input(row.rules, question(), "drop", before).fate, row.drop) << "policy drop: " << row.rules;
  }
}

TEST_F(NftVerdictTest, WhatIsNotKnownOfAFlowIsLeftOpen) {
  Flow unknown = question();
  unknown.input.reset();
  unknown.destination.reset();
  EXPECT_EQ(input("iifname \"wan1\" accept", unknown, "drop").fate, Fate::perhaps_dropped);
  EXPECT_EQ(input("ip daddr 192.0.2.10 accept", unknown, "drop").fate, Fate::perhaps_dropped);
  const Flow forwarded{.family = "ip6", .input = "lan0", .output = "cr5"};
  EXPECT_EQ(input("udp dport 53 accept; oifname \"cr5\" accept", forwarded, "drop").fate, Fate::passes);
  EXPECT_EQ(input("udp dport 53 accept", forwarded, "drop").fate, Fate::perhaps_dropped);
  EXPECT_EQ(input("ip daddr 10.0.0.1 accept", forwarded, "drop").fate, Fate::dropped);
}

TEST_F(NftVerdictTest, SaysWhichRuleItWas) {
  EXPECT_EQ(input("tcp dport 1 accept; udp dport 45010 drop", question()).by, "rule 2 of chain in");
  EXPECT_EQ(input("jump deep", question(), "accept", "chain deep { reject; }").by, "rule 1 of chain deep");
  EXPECT_EQ(input("", question(), "drop").by, "policy drop, and no rule that accepts it");
}

TEST_F(NftVerdictTest, AFamilySeesItsOwnPackets) {
  const NftChain ip{.family = "ip"}, both{.family = "inet"};
  EXPECT_TRUE(ip.sees("ip"));
  EXPECT_FALSE(ip.sees("ip6"));
  EXPECT_TRUE(both.sees("ip6"));
}

TEST(NftRuleset, WhatIsNoRulesetIsAnError) {
  for (const char* text : {"", "{", "[]", "{}", "7", R"({"nftables": 7})"})
    EXPECT_FALSE(NftRuleset::parse(text)) << text;
  const auto odd = NftRuleset::parse(
      R"({"nftables": [7, {"chain": 7}, {"chain": {"family": "ip", "table": "t", "name": "c", "hook": "input", "type":
      "filter", "policy": "drop"}}, {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [7, {}, {"match": 7},
      {"vmap": 7}, {"xt": null}, {"match": {"op": "==", "left": 7, "right": {"set": 7}}}, {"accept": null}]}},
      {"rule": {"family": "ip", "table": "t", "chain": "none"}}]})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(judge(*odd, odd->chains().front(), question()).fate, Fate::perhaps_dropped);
}

// As iptables-nft 1.8.9 makes them: "-m conntrack ... -j ACCEPT", "-p udp --dport 45010 -j ACCEPT", "-j REJECT" ...
TEST(NftRuleset, OfIptablesTheTargetsAreKnownAndTheMatchesAreNot) {
  const std::string conntrack =
      R"([{"xt": {"type": "match", "name": "conntrack"}}, {"counter": null}, {"accept": null}])";
  const std::string port = R"([{"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}},
                             "right": 45010}}, {"xt": {"type": "match", "name": "comment"}}, {"accept": null}])";
  const std::string log = R"([{"counter": null}, {"xt": {"type": "target", "name": "LOG"}}])";
  const std::string reject = R"([{"counter": null}, {"xt": {"type": "target", "name": "REJECT"}}])";
  const struct {
    std::vector<std::string> rules;
    Fate fate;
  } rows[] = {{{port}, Fate::passes},
              {{log, port, reject}, Fate::passes},
              {{conntrack, reject}, Fate::perhaps_dropped},
              {{conntrack}, Fate::passes},
              {{log}, Fate::passes},
              {{reject, port}, Fate::dropped}};
  for (const auto& row : rows) {
    std::string json = R"({"nftables": [{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter",
                         "hook": "input", "policy": "accept"}})";
    for (const std::string& rule : row.rules) {
      json += R"(, {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "expr": )" + rule + "}}";
    }
    const auto ruleset = NftRuleset::parse(json + "]}");
    ASSERT_TRUE(ruleset);
    EXPECT_EQ(judge(*ruleset, ruleset->chains().front(), question()).fate, row.fate) << json;
  }
}

TEST(NftRuleset, ChainsThatJumpInACircleComeToAnEnd) {
  const auto circle = NftRuleset::parse(
      R"({"nftables": [{"chain": {"family": "ip", "table": "t", "name": "c", "hook": "input", "policy": "accept"}},
      {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"jump": {"target": "c"}}]}}]})");
  ASSERT_TRUE(circle);
  EXPECT_EQ(judge(*circle, circle->chains().front(), question()).fate, Fate::passes);
}

}  // namespace
}  // namespace mpquic::doctor
