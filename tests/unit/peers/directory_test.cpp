#include "peers/directory.h"

#include <gtest/gtest.h>

#include "peers/addresses.h"

namespace mpquic::peers {
namespace {

std::vector<Peer> peers(bool asterisk) {
  std::vector<Peer> result = {
      {"box1", {prefix("10.0.0.1/32"), prefix("172.16.0.0/30"), prefix("fd00::/64")}, {"mt5"}, false},
      {"box2", {prefix("10.0.0.2/32")}, {}, false}};
  if (asterisk) result.push_back({"*", {prefix("10.9.0.0/16")}, {}, false});
  return result;
}

TEST(DirectoryTest, KnowsAClientByTheNameInItsCertificate) {
  const Directory directory(peers(false), Proof::certificate);
  ASSERT_NE(directory.find("box1"), nullptr);
  EXPECT_EQ(directory.find("box1")->name, "box1");
  EXPECT_EQ(directory.find("box3"), nullptr);
  EXPECT_EQ(directory.find("Box1"), nullptr);
  EXPECT_EQ(directory.find(""), nullptr);
}

TEST(DirectoryTest, ClientsWithoutACertificateAreClientsOnlyWhereTheConfigurationSaysSo) {
  EXPECT_EQ(Directory(peers(false), Proof::nothing).find(std::nullopt), nullptr);
  EXPECT_EQ(Directory(peers(true), Proof::certificate).find(std::nullopt), nullptr);
  const Directory open(peers(true), Proof::nothing);
  ASSERT_NE(open.find(std::nullopt), nullptr);
  EXPECT_EQ(open.find(std::nullopt)->name, "*");
  EXPECT_TRUE(open.find(std::nullopt)->shares_prefixes);
}

TEST(DirectoryTest, ACertificateMadeOutToTheAsteriskIsNobody) {
  for (const Proof proof : {Proof::nothing, Proof::certificate}) {
    EXPECT_EQ(Directory(peers(true), proof).find("*"), nullptr);
    EXPECT_EQ(Directory(peers(false), proof).find("*"), nullptr);
  }
}

TEST(DirectoryTest, TheAsteriskTakesInWhoeverIsCertifiedAndHasNoEntryOfItsOwn) {
  const Directory directory(peers(true), Proof::certificate);
  const auto stranger = directory.find("stranger");
  ASSERT_NE(stranger, nullptr);
  EXPECT_EQ(stranger->name, "stranger");
  EXPECT_TRUE(stranger->shares_prefixes);
  EXPECT_TRUE(stranger->owns(address("10.9.0.1")));
  EXPECT_FALSE(stranger->owns(address("10.0.0.1")));
  EXPECT_FALSE(directory.find("box1")->shares_prefixes);
  EXPECT_FALSE(directory.find("box1")->owns(address("10.9.0.1")));
}

TEST(DirectoryTest, OnAnOpenServerANameIsWorthNothing) {
  EXPECT_EQ(Directory(peers(true), Proof::nothing).find("stranger"), nullptr);
}

TEST(DirectoryTest, KnowsAClientByTheHashOfItsToken) {
  std::vector<Peer> known = peers(true);
  known[0].token_hash = "sha256:aa";
  known[1].token_hash = "sha256:bb";
  for (const Proof proof : {Proof::nothing, Proof::certificate}) {
    const Directory directory(known, proof);
    for (const auto& [hash, name] : {std::pair("sha256:aa", "box1"), std::pair("sha256:bb", "box2")}) {
      ASSERT_NE(directory.find_by_token_hash(hash), nullptr);
      EXPECT_EQ(directory.find_by_token_hash(hash)->name, name);
    }
    for (const char* hash : {"", "sha256:", "sha256:a", "sha256:ab", "sha256:aaa", "sha256:AA", "xsha256:aa"}) {
      EXPECT_EQ(directory.find_by_token_hash(hash), nullptr) << hash;
    }
  }
}

TEST(DirectoryTest, WhoHasNoTokenIsFoundByNone) {
  EXPECT_EQ(Directory(peers(true), Proof::certificate).find_by_token_hash(""), nullptr);
}

TEST(PeerTest, OwnsWhatItsPrefixesHold) {
  const Peer peer = peers(false).front();
  for (const char* text : {"10.0.0.1", "172.16.0.0", "172.16.0.3", "fd00::1"}) EXPECT_TRUE(peer.owns(address(text)));
  for (const char* text : {"10.0.0.2", "172.16.0.4", "fd00:0:0:1::1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(peer.owns(address(text))) << text;
  }
  EXPECT_FALSE(Peer{}.owns(address("0.0.0.0")));
}

TEST(PeerTest, MayUseTheTunnelsNamedOrAll) {
  EXPECT_TRUE(peers(false)[0].may_use("mt5"));
  EXPECT_FALSE(peers(false)[0].may_use("mt6"));
  EXPECT_TRUE(peers(false)[1].may_use("mt6"));
}

}  // namespace
}  // namespace mpquic::peers
