#include "peers/address_pool.h"

#include <gtest/gtest.h>

#include <set>

#include "peers/addresses.h"

namespace mpquic::peers {
namespace {

using Texts = std::vector<std::string>;

packet::InterfaceAddress own(const char* text) { return packet::InterfaceAddress::parse(text).value(); }

/// A server's tunnel "mt" with 10.0.0.0/29 (hosts .1 to .6, .6 its own) unless a test says otherwise. Each step takes a
/// second.
class AddressPoolTest : public testing::Test {
 protected:
  AddressPoolTest() { configure(); }

  Peer& entry(const char* name, std::initializer_list<const char*> prefixes,
              std::initializer_list<const char*> fixed = {}) {
    Peer peer{.name = name, .prefixes = {}, .tunnels = {}};
    for (const char* text : prefixes) peer.prefixes.push_back(prefix(text));
    for (const char* text : fixed) {
      peer.prefixes.push_back(prefix(text));
      peer.addresses.push_back(address(text));
    }
    entries_.push_back(std::move(peer));
    return entries_.back();
  }
  void configure() { pool_.configure({{"mt", mt_}}, entries_); }

  Peer peer(const std::string& client) const {
    for (const Peer& one : entries_) {
      if (one.name == client) return one;
    }
    return {.name = client, .prefixes = {}, .tunnels = {}, .shares_prefixes = true};
  }
  /// The addresses, or why there are none.
  Texts assign(const std::string& client, std::initializer_list<const char*> wanted = {},
               const std::string& instance = "") {
    std::vector<packet::Address> addresses;
    for (const char* text : wanted) addresses.push_back(address(text));
    const auto given = pool_.assign({"mt", client, instance}, peer(client), addresses, tick());
    if (!given) return {given.error().message};
    Texts texts;
    for (const auto& one : *given) texts.push_back(one.to_string());
    return texts;
  }
  void use(const std::string& client, const std::string& instance = "") { pool_.use({"mt", client, instance}, tick()); }
  void release(const std::string& client, const std::string& instance = "") {
    pool_.release({"mt", client, instance}, tick());
  }
  AddressPool::Time tick() { return now_ += std::chrono::seconds(1); }

  TunnelPool mt_{{own("10.0.0.6/29")}, {prefix("10.0.0.0/29")}};
  std::vector<Peer> entries_;
  AddressPool::Time now_{std::chrono::seconds(1'000'000)};
  AddressPool pool_;
};

TEST_F(AddressPoolTest, TheSameClientHasTheSameAddress) {
  EXPECT_EQ(assign("a"), Texts{"10.0.0.1"});
  EXPECT_EQ(assign("b"), Texts{"10.0.0.2"});
  EXPECT_EQ(assign("a"), Texts{"10.0.0.1"});
  EXPECT_EQ(assign("a", {}, "second"), Texts{"10.0.0.3"}) << "for another of its tunnels";
  EXPECT_EQ(pool_.size(), 3u);
}

TEST_F(AddressPoolTest, OneOfEachVersionThatTheTunnelHas) {
  mt_ = {{own("10.0.0.6/29"), own("fd00::1/64")}, {prefix("10.0.0.0/29"), prefix("fd00::/64")}};
  configure();
  EXPECT_EQ(assign("a"), (Texts{"10.0.0.1", "fd00::2"})) << "fd00:: is any router's";
  EXPECT_EQ(assign("b"), (Texts{"10.0.0.2", "fd00::3"}));
  mt_ = {{own("fd00::1/64")}, {prefix("fd00::/64")}};
  configure();
  EXPECT_EQ(assign("b"), Texts{"fd00::3"});
  EXPECT_EQ(assign("c"), Texts{"fd00::4"}) << "a still has its own";
  mt_ = {{own("10.0.0.6/29"), own("fd00::1/64")}, {prefix("fd00::/64")}};
  configure();
  EXPECT_EQ(assign("d"), Texts{"fd00::5"}) << "the pool is of IPv6 alone";
}

TEST_F(AddressPoolTest, NeitherTheNetworkNorItsBroadcastNorTheServerIsGivenAway) {
  for (const char* client : {"a", "b", "c", "d", "e"}) {
    EXPECT_EQ(assign(client).front().substr(0, 7), "10.0.0.");
    use(client);
  }
  EXPECT_EQ(assign("f", {"10.0.0.0", "10.0.0.7", "10.0.0.6"}),
            Texts{"tunnel mt has no IPv4 address left for f: 5 are in use"});
  mt_ = {{own("10.0.0.1/31")}, {prefix("10.0.0.0/31")}};
  configure();
  EXPECT_EQ(assign("g"), Texts{"10.0.0.0"}) << "a network of two hosts has neither (RFC 3021)";
}

TEST_F(AddressPoolTest, WhatIsWantedIsGivenIfItIsFree) {
  EXPECT_EQ(assign("a", {"10.0.0.4"}), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("b", {"10.0.0.4"}), Texts{"10.0.0.1"}) << "a's, who is only away";
  EXPECT_EQ(assign("b", {"10.0.0.4", "10.0.0.5"}), Texts{"10.0.0.5"});
  EXPECT_EQ(assign("c"), Texts{"10.0.0.1"}) << "b has given it back";
  EXPECT_EQ(assign("a", {"192.0.2.1"}), Texts{"10.0.0.4"}) << "what is not ours to give";
  EXPECT_EQ(assign("a", {"fd00::9"}), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("a", {"0.0.0.0"}), Texts{"10.0.0.4"});
}

TEST_F(AddressPoolTest, ATunnelUnderANewNameMayHaveWhatTheOldOneLeft) {
  EXPECT_EQ(assign("a", {"10.0.0.4"}, "old"), Texts{"10.0.0.4"});
  use("a", "old");
  EXPECT_EQ(assign("a", {"10.0.0.4"}, "new"), Texts{"10.0.0.1"});
  release("a", "old");
  EXPECT_EQ(assign("a", {"10.0.0.4"}, "new"), Texts{"10.0.0.4"});
  EXPECT_EQ(pool_.size(), 1u);
}

TEST_F(AddressPoolTest, StrangersWithoutANameAreNotEachOther) {
  EXPECT_EQ(assign("*", {"10.0.0.4"}, "1"), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("*", {"10.0.0.4"}, "2"), Texts{"10.0.0.1"});
}

TEST_F(AddressPoolTest, AFixedAddressIsItsClientsAndNobodyElses) {
  entry("box", {}, {"10.0.0.1", "10.0.0.3"});
  configure();
  EXPECT_EQ(assign("a"), Texts{"10.0.0.2"});
  EXPECT_EQ(assign("b", {"10.0.0.1"}), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("box", {"10.0.0.5"}), Texts{"10.0.0.1"}) << "whatever it wants";
  EXPECT_EQ(assign("box", {"10.0.0.3"}), Texts{"10.0.0.1"}) << "it has one already";
  EXPECT_EQ(assign("box", {"10.0.0.3"}, "second"), Texts{"10.0.0.3"});
  EXPECT_EQ(assign("c"), Texts{"10.0.0.5"});
}

TEST_F(AddressPoolTest, OfSeveralTunnelsTheFirstToComeHasTheFixedAddress) {
  entry("box", {}, {"10.0.0.3"});
  configure();
  EXPECT_EQ(assign("box", {}, "one"), Texts{"10.0.0.3"});
  use("box", "one");
  EXPECT_EQ(assign("box", {}, "two"), Texts{"10.0.0.1"});
  use("box", "two");
  EXPECT_EQ(assign("box", {}, "two"), Texts{"10.0.0.1"});
  release("box", "one");
  EXPECT_EQ(assign("box", {}, "two"), Texts{"10.0.0.3"}) << "now that it is free";
  EXPECT_EQ(assign("box", {}, "one"), Texts{"10.0.0.1"});
}

TEST_F(AddressPoolTest, WhatAClientOwnsInTheNetworkIsGivenToItFirst) {
  entry("box", {"10.0.0.4/31", "172.16.0.0/24"});
  entry("lan", {"192.168.0.0/24"});
  configure();
  EXPECT_EQ(assign("box"), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("box", {}, "b"), Texts{"10.0.0.5"});
  EXPECT_EQ(assign("box", {}, "c"), Texts{"10.0.0.1"}) << "and then what is for all";
  EXPECT_EQ(assign("box", {"172.16.0.1"}), Texts{"10.0.0.4"}) << "its LAN is not the tunnel's network";
  EXPECT_EQ(assign("lan"), Texts{"10.0.0.2"});
  EXPECT_EQ(assign("lan", {"10.0.0.5"}), Texts{"10.0.0.2"});
}

TEST_F(AddressPoolTest, OutsideOfThePoolOnlyWhatIsTheClientsOwn) {
  mt_.prefixes = {prefix("10.0.0.4/30")};
  entry("box", {"10.0.0.1"});
  configure();
  EXPECT_EQ(assign("box"), Texts{"10.0.0.1"});
  EXPECT_EQ(assign("a"), Texts{"10.0.0.4"}) << "an address like any other of the network";
  EXPECT_EQ(assign("b", {"10.0.0.2"}), Texts{"10.0.0.5"});
}

TEST_F(AddressPoolTest, WhatEverybodyOwnsIsForThoseWithoutAnEntry) {
  entry("*", {"10.0.0.0/30"});
  entry("box", {});
  mt_.prefixes = {prefix("10.0.0.2/31"), prefix("10.0.0.4/31")};
  configure();
  EXPECT_EQ(assign("box"), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("a"), Texts{"10.0.0.2"}) << "of the pool alone: 10.0.0.1 has been given out by hand";
  EXPECT_EQ(assign("b"), Texts{"10.0.0.3"});
  EXPECT_EQ(assign("c"), Texts{"10.0.0.5"});
  EXPECT_EQ(assign("box", {"10.0.0.3"}), Texts{"10.0.0.4"});
}

TEST_F(AddressPoolTest, WithNothingLeftTheLeaseThatIsUnusedLongestGoes) {
  for (const char* client : {"a", "b", "c", "d", "e"}) assign(client);
  use("a");
  use("b");
  release("b");
  assign("c");
  EXPECT_EQ(assign("f"), Texts{"10.0.0.4"}) << "d's";
  EXPECT_EQ(assign("d"), Texts{"10.0.0.5"}) << "e's";
  use("d");
  EXPECT_EQ(assign("e"), Texts{"10.0.0.2"}) << "b's; what a has is in use";
  EXPECT_EQ(pool_.size(), 5u);
  for (const char* client : {"c", "e", "f"}) use(client);
  EXPECT_EQ(assign("g"), Texts{"tunnel mt has no IPv4 address left for g: 5 are in use"});
  EXPECT_EQ(assign("a"), Texts{"10.0.0.1"});
  release("f");
  EXPECT_EQ(assign("g"), Texts{"10.0.0.4"});
}

TEST_F(AddressPoolTest, AnAddressIsInUseForAsLongAsAnyConnectionIs) {
  for (const char* client : {"a", "b", "c", "d", "e"}) {
    assign(client);
    use(client);
  }
  use("c");
  release("c");
  EXPECT_EQ(assign("f").front().substr(0, 9), "tunnel mt");
  release("c");
  EXPECT_EQ(assign("f"), Texts{"10.0.0.3"});
  release("c");  // knows nothing of it any more
  EXPECT_EQ(pool_.size(), 5u);
}

TEST_F(AddressPoolTest, NoVersionIsTakenWhenTheOtherIsUsedUp) {
  mt_ = {{own("10.0.0.1/30"), own("fd00::1/64")}, {prefix("10.0.0.0/30"), prefix("fd00::/64")}};
  configure();
  EXPECT_EQ(assign("a"), (Texts{"10.0.0.2", "fd00::2"}));
  use("a");
  EXPECT_EQ(assign("b"), Texts{"tunnel mt has no IPv4 address left for b: 1 are in use"});
  EXPECT_EQ(pool_.size(), 1u);
  release("a");
  EXPECT_EQ(assign("b"), (Texts{"10.0.0.2", "fd00::3"}));
}

TEST_F(AddressPoolTest, ATunnelThatHasNothingSaysSo) {
  EXPECT_EQ(pool_.assign({"other", "a", ""}, peer("a"), {}, tick()).error().message, "there is no tunnel other");
  mt_.prefixes = {};
  configure();
  EXPECT_EQ(assign("a"), Texts{"tunnel mt has no addresses for a"});
}

TEST_F(AddressPoolTest, OneClientCantTakeThePoolUnderManyNames) {
  pool_ = AddressPool({.leases = 65536, .leases_per_client = 2});
  configure();
  EXPECT_EQ(assign("a", {}, "1"), Texts{"10.0.0.1"});
  EXPECT_EQ(assign("a", {}, "2"), Texts{"10.0.0.2"});
  use("a", "1");
  EXPECT_EQ(assign("a", {}, "3"), Texts{"10.0.0.3"});
  EXPECT_EQ(pool_.size(), 2u) << "2, which is idle, has lost its own";
  use("a", "3");
  EXPECT_EQ(assign("a", {}, "4"), Texts{"a has 2 addresses of tunnel mt in use"});
  EXPECT_EQ(assign("b"), Texts{"10.0.0.2"});
}

TEST_F(AddressPoolTest, ALargePoolIsRememberedInPart) {
  mt_ = {{own("fd00::1/64")}, {prefix("fd00::/64")}};
  pool_ = AddressPool({.leases = 2, .leases_per_client = 64});
  configure();
  EXPECT_EQ(assign("a"), Texts{"fd00::2"});
  EXPECT_EQ(assign("b"), Texts{"fd00::3"});
  EXPECT_EQ(assign("c", {"fd00::77"}), Texts{"fd00::2"}) << "a's";
  EXPECT_EQ(pool_.size(), 2u);
}

TEST_F(AddressPoolTest, EveryClientHasAnAddressOfItsOwnUntilThereIsNone) {
  mt_ = {{own("10.0.0.1/20"), own("fd00::1/64")}, {prefix("10.0.0.0/20"), prefix("fd00::/64")}};
  configure();
  constexpr int hosts = 4093;
  std::set<std::string> given;
  const auto name = [](int i) { return "box" + std::to_string(i); };
  for (int i = 0; i < hosts; ++i) {
    for (const std::string& one : assign(name(i))) given.insert(one);
    use(name(i));
  }
  EXPECT_EQ(given.size(), 2u * hosts);
  EXPECT_EQ(*given.begin(), "10.0.0.10");
  EXPECT_EQ(assign("more"), Texts{"tunnel mt has no IPv4 address left for more: 4093 are in use"});
  for (int i = 0; i < hosts; i += 2) release(name(i));
  for (int i = 0; i < hosts; i += 2) {
    const Texts next = assign("next" + std::to_string(i));
    ASSERT_EQ(next.front(), "10.0." + std::to_string((i + 2) / 256) + "." + std::to_string((i + 2) % 256));
  }
  EXPECT_EQ(pool_.size(), 4093u + 2047u) << "who has lost its IPv4 address keeps that of IPv6";
}

TEST_F(AddressPoolTest, AnotherConfigurationTakesAwayOnlyWhatDoesNotFitIt) {
  assign("a");
  assign("b");
  assign("c");
  use("a");
  use("b");
  entry("box", {"10.0.0.2"});
  configure();
  EXPECT_EQ(assign("a"), Texts{"10.0.0.1"});
  EXPECT_EQ(assign("b"), Texts{"10.0.0.4"}) << "its address belongs to another now";
  EXPECT_EQ(assign("box"), Texts{"10.0.0.2"});
  EXPECT_EQ(assign("c"), Texts{"10.0.0.3"});
  mt_.prefixes = {prefix("10.0.0.4/30")};
  configure();
  EXPECT_EQ(assign("b"), Texts{"10.0.0.4"});
  EXPECT_EQ(assign("c"), Texts{"10.0.0.5"});
  use("c");
  use("box");
  EXPECT_EQ(assign("d"), Texts{"tunnel mt has no IPv4 address left for d: 3 are in use"}) << "b is using its own still";
}

TEST_F(AddressPoolTest, WhoIsTakenOutAndComesBackHasItsAddressAgain) {
  entry("box", {"10.0.0.3"});
  configure();
  EXPECT_EQ(assign("box"), Texts{"10.0.0.3"});
  entries_.clear();
  configure();
  EXPECT_EQ(assign("a", {"10.0.0.3"}), Texts{"10.0.0.1"});
  entry("box", {});
  configure();
  EXPECT_EQ(assign("box"), Texts{"10.0.0.3"});
}

TEST_F(AddressPoolTest, IsReadBackAsItWasWritten) {
  mt_ = {{own("10.0.0.6/29"), own("fd00::1/64")}, {prefix("10.0.0.0/29"), prefix("fd00::/64")}};
  configure();
  const std::string odd = "a b\n%-\xff";
  for (const std::string& client : {std::string("a"), std::string("-"), odd}) {
    assign(client);
    assign(client, {}, odd);
    assign(client, {}, "-");
  }
  const std::string text = pool_.to_text();
  EXPECT_NE(text.find("mt a%20b%0a%25-%ff - 10.0.0."), std::string::npos) << text;
  AddressPool other;
  other.configure({{"mt", mt_}}, entries_);
  EXPECT_EQ(other.from_text(text), Texts());
  EXPECT_EQ(other.to_text(), text);
}

TEST_F(AddressPoolTest, LeasesOutliveTheServerAndKeepTheirAge) {
  for (const char* client : {"a", "b", "c", "d", "e"}) assign(client);
  assign("a");
  const std::string text = pool_.to_text();
  pool_ = AddressPool();
  configure();
  EXPECT_EQ(pool_.from_text(text), Texts());
  EXPECT_EQ(assign("f"), Texts{"10.0.0.2"}) << "b's is the oldest";
  EXPECT_EQ(assign("a"), Texts{"10.0.0.1"});
}

TEST_F(AddressPoolTest, OfWhatWasWrittenOnlyWhatStillFitsIsTaken) {
  entry("box", {"10.0.0.4"});
  configure();
  EXPECT_EQ(pool_.from_text("mt a - 10.0.0.1 5\n"
                            "mt b - 10.0.0.1 6\n"
                            "mt a - 10.0.0.2 6\n"
                            "mt c - 10.0.0.6 6\n"
                            "mt d - 10.0.0.4 6\n"
                            "mt box - 10.0.0.4 6\n"
                            "mt e - 192.0.2.1 6\n"
                            "mt f - fd00::1 6\n"
                            "gone a - 10.0.0.1 6\n"
                            "\n"),
            Texts());
  EXPECT_EQ(pool_.to_text(), "mt a - 10.0.0.1 5\nmt box - 10.0.0.4 6\n");
}

TEST_F(AddressPoolTest, WhatIsNoLeaseIsNamed) {
  EXPECT_EQ(pool_.from_text("mt a - 10.0.0.1\n"
                            "mt a - 10.0.0.1 5 6\n"
                            "mt a - 10.0.0 5\n"
                            "mt a - 10.0.0.1 x\n"
                            "mt a - 10.0.0.1 5x\n"
                            "mt %4 - 10.0.0.1 5\n"
                            "mt %zz - 10.0.0.1 5\n"
                            "mt b - 10.0.0.2 5"),
            (Texts{"line 1: no lease", "line 2: no lease", "line 3: no lease", "line 4: no lease", "line 5: no lease",
                   "line 6: no lease", "line 7: no lease"}));
  EXPECT_EQ(pool_.to_text(), "mt b - 10.0.0.2 5\n");
  std::string garbage;
  for (int i = 0; i < 1000; ++i) garbage += "\x7f\x45LF\n";
  EXPECT_EQ(pool_.from_text(garbage).size(), 10u);
}

}  // namespace
}  // namespace mpquic::peers
