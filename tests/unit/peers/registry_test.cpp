#include "peers/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "peers/addresses.h"
#include "peers/route_table.h"

namespace mpquic::peers {
namespace {

using namespace std::chrono_literals;

constexpr SessionRef a{0, 1}, b{1, 1}, c{0, 2}, d{1, 2};

std::shared_ptr<const Peer> peer(std::string name, std::initializer_list<const char*> prefixes) {
  const bool shares = name == Directory::anyone;
  Peer result{std::move(name), {}, {}, shares};
  for (const char* text : prefixes) result.prefixes.push_back(prefix(text));
  return std::make_shared<const Peer>(std::move(result));
}

/// A registry, and what a worker makes of its changes: after each, the worker's tables must lead where the registry
/// says.
class RegistryTest : public testing::Test {
 protected:
  static constexpr const char* tunnel = "mp1";

  Changes follow(Changes changes) {
    for (const auto& change : changes.routes) {
      if (change.session)
        worker_[change.tunnel].set(change.prefix, *change.session);
      else
        worker_[change.tunnel].remove(change.prefix);
    }
    std::size_t total = 0;
    for (const auto& [name, table] : worker_) total += table.size();
    EXPECT_EQ(total, registry_.routes().size());
    for (const auto& [key, route] : registry_.routes()) {
      EXPECT_NE(worker_[key.first].find(key.second.address()), std::nullopt);
      if (!key.second.is_host()) continue;
      EXPECT_EQ(worker_[key.first].find(key.second.address()), route.session);
    }
    return changes;
  }
  Changes claim(SessionRef session, const std::shared_ptr<const Peer>& who, const char* text,
                const char* where = tunnel) {
    now_ += 1ms;
    return follow(registry_.claim(session, who, where, {address(text)}, now_));
  }
  Changes learn(SessionRef session, const char* text) {
    now_ += 1ms;
    return follow(registry_.learn(session, address(text), now_));
  }
  Changes change_peer(SessionRef session, const std::shared_ptr<const Peer>& who) {
    return follow(registry_.change_peer(session, who));
  }
  Changes gone(SessionRef session) { return follow(registry_.gone(session)); }
  Changes expire() { return follow(registry_.expire(now_)); }

  std::optional<SessionRef> session_to(const char* text, const char* where = tunnel) {
    return worker_[where].find(address(text));
  }
  bool leads_anywhere(SessionRef session) const {
    return std::ranges::any_of(registry_.routes(),
                               [session](const auto& each) { return each.second.session == session; });
  }

  const std::shared_ptr<const Peer> box_ =
      peer("box1", {"10.0.0.0/28", "172.16.0.0/16", "192.168.7.7/32", "fd00::/64"});
  Instant now_ = Instant() + 1h;
  Registry registry_{{.learned_per_peer = 3, .learned_lifetime = 10min}};
  std::map<std::string, RouteTable> worker_;
};

TEST_F(RegistryTest, AClaimLeadsTheTunnelAddressAndAllThatTheClientOwnsOverItsPath) {
  EXPECT_TRUE(claim(a, box_, "10.0.0.1").superseded.empty());
  for (const char* text : {"10.0.0.1", "10.0.0.2", "172.16.200.1", "192.168.7.7", "fd00::5"}) {
    EXPECT_EQ(session_to(text), a) << text;
  }
  EXPECT_EQ(session_to("10.0.0.16"), std::nullopt);
  EXPECT_EQ(session_to("10.0.0.1", "mp2"), std::nullopt);
}

TEST_F(RegistryTest, TheNewestClaimOfAnAddressTakesItAndSupersedesThePathThatHadIt) {
  claim(a, box_, "10.0.0.1");
  learn(a, "172.16.0.9");
  const Changes changes = claim(b, box_, "10.0.0.1");
  EXPECT_EQ(changes.superseded, std::vector{a});
  EXPECT_FALSE(leads_anywhere(a));
  EXPECT_EQ(session_to("10.0.0.1"), b);
  EXPECT_EQ(session_to("172.16.0.9"), b);

  EXPECT_TRUE(gone(a).empty()) << "it had gone already, as far as the registry cares";
  EXPECT_TRUE(learn(a, "172.16.0.9").empty()) << "what is superseded learns nothing any more";
  EXPECT_EQ(claim(c, box_, "10.0.0.1").superseded, std::vector{b});
}

TEST_F(RegistryTest, ClaimingOnceMoreWhatOneHasChangesNothing) {
  claim(a, box_, "10.0.0.1");
  EXPECT_TRUE(claim(a, box_, "10.0.0.1").superseded.empty());
  EXPECT_EQ(session_to("10.0.0.1"), a);
}

TEST_F(RegistryTest, TheSameAddressInAnotherTunnelIsAnotherAddress) {
  claim(a, box_, "10.0.0.1");
  EXPECT_TRUE(claim(b, box_, "10.0.0.1", "mp2").superseded.empty());
  EXPECT_EQ(session_to("10.0.0.1"), a);
  EXPECT_EQ(session_to("10.0.0.1", "mp2"), b);
}

TEST_F(RegistryTest, ClaimingAnAddressThatWasLearnedOnAnotherPathLeavesThatPathInPeace) {
  claim(a, box_, "10.0.0.1");
  learn(a, "10.0.0.2");
  EXPECT_TRUE(claim(b, box_, "10.0.0.2").superseded.empty());
  EXPECT_EQ(session_to("10.0.0.2"), b);
  EXPECT_EQ(session_to("10.0.0.1"), a);
}

TEST_F(RegistryTest, WhatAClientOwnsIsReachedByItsNewestPath) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  EXPECT_EQ(session_to("10.0.0.1"), a);
  EXPECT_EQ(session_to("172.16.0.1"), b);
  EXPECT_EQ(session_to("10.0.0.3"), b);
}

TEST_F(RegistryTest, APeerWhosePrefixesChangeKeepsWhatItStillOwns) {
  claim(a, box_, "10.0.0.1");
  learn(a, "10.0.0.2");
  learn(a, "172.16.0.9");
  change_peer(a, peer("box1", {"10.0.0.0/28", "172.31.0.0/16", "192.168.7.7/32"}));
  for (const char* text : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "172.31.0.1", "192.168.7.7"}) {
    EXPECT_EQ(session_to(text), a) << text;
  }
  for (const char* text : {"172.16.0.9", "172.16.0.1", "fd00::5"}) EXPECT_EQ(session_to(text), std::nullopt) << text;
  EXPECT_TRUE(learn(a, "10.0.0.2").empty()) << "it was known all the time";
}

TEST_F(RegistryTest, OfAPeerWithSeveralPathsTheNewestGetsWhatIsNew) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  learn(a, "172.16.0.9");
  const auto now = peer("box1", {"10.0.0.0/28", "172.16.0.0/16", "172.31.0.0/16"});
  change_peer(b, now);
  change_peer(a, now);
  EXPECT_EQ(session_to("172.31.0.1"), b);
  EXPECT_EQ(session_to("10.0.0.9"), b);
  EXPECT_EQ(session_to("172.16.0.9"), a) << "the host has shown itself there";
}

TEST_F(RegistryTest, APrefixThatMovesToAnotherPeerMovesInWhicheverOrderTheyAreTold) {
  for (const bool giver_first : {true, false}) {
    claim(a, peer("one", {"10.0.0.1/32", "172.16.0.0/16"}), "10.0.0.1");
    claim(b, peer("two", {"10.0.0.2/32"}), "10.0.0.2");
    learn(a, "172.16.0.9");
    const auto give = [&] { change_peer(a, peer("one", {"10.0.0.1/32"})); };
    if (giver_first) give();
    change_peer(b, peer("two", {"10.0.0.2/32", "172.16.0.0/16"}));
    if (!giver_first) give();
    EXPECT_EQ(session_to("172.16.0.1"), b);
    EXPECT_EQ(session_to("172.16.0.9"), b);
    gone(a);
    gone(b);
  }
}

TEST_F(RegistryTest, AnAddressThatWasRegisteredMovesToItsNewOwnerInWhicheverOrderTheyAreTold) {
  for (const bool giver_first : {true, false}) {
    claim(a, peer("one", {"10.0.0.1/32"}), "10.0.0.1");
    claim(b, peer("two", {"10.0.0.2/32"}), "10.0.0.2");
    if (giver_first) gone(a);
    change_peer(b, peer("two", {"10.0.0.2/32", "10.0.0.1/32"}));
    if (!giver_first) gone(a);
    EXPECT_EQ(session_to("10.0.0.1"), b);
    gone(b);
  }
}

TEST_F(RegistryTest, APrefixThatBecomesSharedLeadsNowhere) {
  claim(a, peer("one", {"10.0.0.1/32", "172.16.0.0/16"}), "10.0.0.1");
  learn(a, "172.16.0.9");
  Peer anybody{"box", {prefix("10.0.0.1/32"), prefix("172.16.0.0/16")}, {}};
  anybody.shares_prefixes = true;
  change_peer(a, std::make_shared<const Peer>(anybody));
  EXPECT_EQ(session_to("172.16.0.1"), std::nullopt);
  EXPECT_EQ(session_to("172.16.0.9"), a);
}

TEST_F(RegistryTest, ThePeerOfAPathThatHasGoneChangesNothing) {
  claim(a, box_, "10.0.0.1");
  gone(a);
  EXPECT_TRUE(change_peer(a, box_).empty());
}

TEST_F(RegistryTest, TheNewestOfThePathsThatAreLeftInheritsWhatTheClientOwns) {
  claim(a, box_, "10.0.0.1");
  claim(d, box_, "10.0.0.2");  // numbers say nothing about age
  claim(b, box_, "10.0.0.3");
  claim(c, box_, "10.0.0.4");
  gone(c);
  EXPECT_EQ(session_to("172.16.0.1"), b);
  EXPECT_EQ(session_to("10.0.0.4"), b)
      << "the tunnel address of a session that went is one address of the client's prefix";
  gone(b);
  EXPECT_EQ(session_to("172.16.0.1"), d);
  gone(d);
  EXPECT_EQ(session_to("172.16.0.1"), a);
  gone(a);
  EXPECT_TRUE(registry_.routes().empty());
}

TEST_F(RegistryTest, AnOlderPathThatGoesTakesNothingFromTheNewest) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  claim(c, box_, "10.0.0.3");
  gone(a);
  EXPECT_EQ(session_to("172.16.0.1"), c);
}

TEST_F(RegistryTest, InheritanceStaysInTheTunnelAndInTheFamily) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2", "mp2");
  claim(c, peer("box2", {"10.0.1.0/28"}), "10.0.1.1");
  gone(a);
  EXPECT_EQ(session_to("172.16.0.1"), std::nullopt);
  EXPECT_EQ(session_to("172.16.0.1", "mp2"), b);
}

TEST_F(RegistryTest, AHostIsReachedByThePathItWasSeenOnLast) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  learn(a, "172.16.0.9");
  EXPECT_EQ(session_to("172.16.0.9"), a);
  EXPECT_EQ(session_to("172.16.0.8"), b);
  EXPECT_TRUE(learn(a, "172.16.0.9").empty()) << "nothing new";
  learn(b, "172.16.0.9");
  EXPECT_EQ(session_to("172.16.0.9"), b);
}

TEST_F(RegistryTest, ATunnelAddressIsNotLearnedAway) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  EXPECT_TRUE(learn(b, "10.0.0.1").empty());
  EXPECT_EQ(session_to("10.0.0.1"), a);
}

TEST_F(RegistryTest, BeyondTheLimitTheHostThatWasSilentLongestIsForgotten) {
  claim(a, box_, "10.0.0.1");
  learn(a, "172.16.0.1");
  learn(a, "172.16.0.2");
  learn(a, "172.16.0.3");
  learn(a, "172.16.0.1");  // heard again: not the oldest any more
  const std::size_t before = registry_.routes().size();
  const Changes changes = learn(a, "172.16.0.4");
  EXPECT_EQ(registry_.routes().size(), before);
  EXPECT_FALSE(registry_.routes().contains({tunnel, prefix("172.16.0.2/32")}));
  EXPECT_TRUE(registry_.routes().contains({tunnel, prefix("172.16.0.1/32")}));
  EXPECT_EQ(changes.routes.size(), 2U);
}

TEST_F(RegistryTest, TheLimitIsEachClientsOwnInEachTunnel) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.1", "mp2");
  claim(c, peer("box2", {"10.0.1.0/28", "172.17.0.0/16"}), "10.0.1.1");
  for (const char* text : {"172.16.0.1", "172.16.0.2", "172.16.0.3"}) learn(a, text), learn(b, text);
  for (const char* text : {"172.17.0.1", "172.17.0.2", "172.17.0.3"}) learn(c, text);
  const auto learned =
      std::ranges::count(registry_.routes(), RouteKind::learned, [](const auto& each) { return each.second.kind; });
  EXPECT_EQ(learned, 9);
}

TEST_F(RegistryTest, HostsThatWentWithTheirPathDoNotCountAnyMore) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  for (const char* text : {"172.16.0.1", "172.16.0.2", "172.16.0.3"}) learn(a, text);
  gone(a);
  for (const char* text : {"172.16.0.4", "172.16.0.5", "172.16.0.6"}) {
    EXPECT_EQ(learn(b, text).routes.size(), 1U) << "nothing had to be forgotten for " << text;
  }
}

TEST_F(RegistryTest, ForgetsHostsThatWereSilentForTooLongAndNothingElse) {
  claim(a, box_, "10.0.0.1");
  learn(a, "172.16.0.1");
  now_ += 6min;
  learn(a, "172.16.0.2");
  now_ += 6min;
  EXPECT_EQ(expire().routes.size(), 1U);
  EXPECT_FALSE(registry_.routes().contains({tunnel, prefix("172.16.0.1/32")}));
  EXPECT_TRUE(registry_.routes().contains({tunnel, prefix("172.16.0.2/32")}));
  EXPECT_EQ(session_to("172.16.0.1"), a) << "by the prefix that the client owns";
  now_ += 1h;
  expire();
  EXPECT_EQ(session_to("10.0.0.1"), a);
  EXPECT_TRUE(expire().empty());
}

TEST_F(RegistryTest, AnOwnedHostThatFellSilentOnOnePathIsStillReached) {
  claim(a, box_, "10.0.0.1");
  claim(b, box_, "10.0.0.2");
  learn(a, "192.168.7.7");
  EXPECT_EQ(session_to("192.168.7.7"), a);
  now_ += 1h;
  expire();
  EXPECT_EQ(session_to("192.168.7.7"), b) << "by the newest session, as before";
  learn(a, "192.168.7.7");
  gone(a);
  EXPECT_EQ(session_to("192.168.7.7"), b);
}

TEST_F(RegistryTest, ClientsOfTheAsteriskShareItsPrefixesSoThatOnlyTheirOwnAddressesLeadToThem) {
  const auto anyone = peer("*", {"10.9.0.0/16"});
  claim(a, anyone, "10.9.0.1");
  claim(b, anyone, "10.9.0.2");
  EXPECT_EQ(session_to("10.9.0.1"), a);
  EXPECT_EQ(session_to("10.9.0.3"), std::nullopt);
  gone(b);
  EXPECT_EQ(session_to("10.9.0.2"), std::nullopt) << "a stranger inherits nothing";
}

TEST_F(RegistryTest, WorkersAgreeWithItThroughAThousandEvents) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::minstd_rand random(seed);
  const std::array<std::shared_ptr<const Peer>, 3> peers = {box_, peer("box2", {"10.1.0.0/16", "172.17.0.5/32"}),
                                                            peer("*", {"10.9.0.0/16"})};
  const std::array<std::vector<const char*>, 3> hosts = {
      std::vector{"10.0.0.1", "10.0.0.2", "172.16.0.1", "172.16.0.2", "192.168.7.7", "fd00::1"},
      std::vector{"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "172.17.0.5"},
      std::vector{"10.9.0.1", "10.9.0.2", "10.9.0.3", "10.9.0.4", "10.9.0.5", "10.9.0.6"}};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t number = random() % 9;
    const SessionRef session{static_cast<std::uint32_t>(random() % 2), number};
    const char* host = hosts[number % 3][random() % 6];
    const unsigned event = static_cast<unsigned>(random() % 10);
    if (event < 3)
      claim(session, peers[number % 3], host, number < 5 ? "mp1" : "mp2");
    else if (event < 7)
      learn(session, host);
    else if (event < 9)
      gone(session);
    else
      now_ += 4min, expire();
    std::map<std::pair<std::string, std::string>, int> learned;
    for (const auto& [key, route] : registry_.routes()) {
      if (route.kind != RouteKind::learned) continue;
      EXPECT_LE(++learned[std::pair(key.first, route.peer)], 3);
    }
    if (HasFailure()) FAIL() << "at event " << i;
  }
}

}  // namespace
}  // namespace mpquic::peers
