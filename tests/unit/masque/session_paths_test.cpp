#include <gtest/gtest.h>

#include "masque/raw_ends.h"

namespace mpquic::masque {
namespace {

const std::string token = "0123456789012345678901234567890123456789abA";

/// Tunnels that are paths of a session.
class SessionPathsTest : public TunnelsTest {
 protected:
  SessionPathsTest() {
    request_.session = SessionWish::open();
    session_ = token;
  }

  /// Over QUIC, behind what stands before such a payload in a tunnel of either end.
  void send_both_ways(std::uint64_t context, const Packet& payload) {
    const Bytes there = mine().tunnels.prefix(*mine().stream, context);
    const Bytes back = theirs().tunnels.prefix(*mine().stream, context);
    client().user.datagram_prefix.assign(there.begin(), there.end());
    accepted().user.datagram_prefix.assign(back.begin(), back.end());
    client().user.send(payload);
    accepted().user.send(payload);
    run(200ms);
  }
};

TEST_F(SessionPathsTest, BothEndsAgreeAndSequencedPacketsAndProbesGoBothWays) {
  ASSERT_TRUE(comes_up()) << client()->close_reason();
  EXPECT_EQ(theirs().asked.begin()->second.session, SessionWish::open());
  EXPECT_EQ(mine().session, token);
  send_both_ways(ip_context, datagram(100, 1));
  send_both_ways(sequenced_context, datagram(1000, 2));
  send_both_ways(probe_context, datagram(8, 3));
  hand_on_datagrams();
  for (const Heard* heard : {&mine().heard, &theirs().heard}) {
    EXPECT_EQ(heard->packets, (Packets{datagram(100, 1)}));
    EXPECT_EQ(heard->sequenced, (Packets{datagram(1000, 2)}));
    EXPECT_EQ(heard->probes, (Packets{datagram(8, 3)}));
  }
  EXPECT_EQ(theirs().drops[Drop::unknown_context], 0U);
}

TEST_F(SessionPathsTest, AnotherConnectionJoins) {
  request_.session = SessionWish::join(token);
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(theirs().asked.begin()->second.session, SessionWish::join(token));
  EXPECT_EQ(mine().session, token);
  theirs().tunnels.on_datagram(Packet{0, 2, 0x45});
  EXPECT_EQ(theirs().heard.sequenced, (Packets{{0x45}}));
}

TEST_F(SessionPathsTest, AServerWithoutSessionsMakesATunnelOfOnePath) {
  session_.clear();
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(mine().session, "");
  for (const auto context : {std::uint8_t{2}, std::uint8_t{4}}) {
    mine().tunnels.on_datagram(Packet{0, context, 0x45});
    theirs().tunnels.on_datagram(Packet{0, context, 0x45});
  }
  mine().tunnels.on_datagram(Packet{0, 0, 0x45});
  for (const DropCounters* drops : {&mine().drops, &theirs().drops}) EXPECT_EQ((*drops)[Drop::unknown_context], 2U);
  EXPECT_TRUE(mine().heard.sequenced.empty() && theirs().heard.sequenced.empty());
  EXPECT_TRUE(mine().heard.probes.empty() && theirs().heard.probes.empty());
  EXPECT_EQ(mine().heard.packets, (Packets{{0x45}}));
}

TEST_F(SessionPathsTest, AJoinIsNotAnsweredWithATunnelOfItsOwn) {
  request_.session = SessionWish::join(token);
  session_.clear();
  EXPECT_FALSE(comes_up());
  ASSERT_EQ(mine().refusals.size(), 1U);
  EXPECT_EQ(mine().refusals.front().status, 200);
  run(200ms);
  EXPECT_EQ(theirs().heard.closed.size(), 1U) << "the server's tunnel goes, too";
}

TEST_F(SessionPathsTest, AnUnknownSessionIsRefusedWithItsStatus) {
  request_.session = SessionWish::join(token);
  refusal_ = Refusal{404, "no such session", {}};
  EXPECT_FALSE(comes_up());
  ASSERT_EQ(mine().refusals.size(), 1U);
  EXPECT_EQ(mine().refusals.front().status, 404);
}

TEST_F(SessionPathsTest, DatagramsThatAreFasterThanTheAnswerWaitForIt) {
  accepts_ = false;
  begin();
  ASSERT_TRUE(network_.run(2s, [this] { return server_side_ && !server_side_->asked.empty(); }));
  mine().tunnels.on_datagram(Packet{0, 2, 0x45});
  mine().tunnels.on_datagram(Packet{0, 4, 0x46});
  mine().tunnels.on_datagram(Packet{0, 6, 0x47});
  EXPECT_TRUE(mine().heard.sequenced.empty());
  EXPECT_EQ(mine().drops[Drop::unknown_context], 1U) << "that of 6, which means nothing in a session either";
  theirs().tunnels.accept(0, token);
  ASSERT_TRUE(network_.run(2s, [this] { return mine().open; }));
  EXPECT_EQ(mine().heard.sequenced, (Packets{{0x45}}));
  EXPECT_EQ(mine().heard.probes, (Packets{{0x46}}));
}

TEST_F(SessionPathsTest, WhatHasWaitedForAnAnswerThatDoesNotAgreeIsDropped) {
  accepts_ = false;
  begin();
  ASSERT_TRUE(network_.run(2s, [this] { return server_side_ && !server_side_->asked.empty(); }));
  mine().tunnels.on_datagram(Packet{0, 2, 0x45});
  theirs().tunnels.accept(0);
  ASSERT_TRUE(network_.run(2s, [this] { return mine().open; }));
  EXPECT_TRUE(mine().heard.sequenced.empty());
  EXPECT_EQ(mine().drops[Drop::unknown_context], 1U);
}

TEST_F(SessionPathsTest, ThePrefixOfAContextThatThereIsNotIsEmpty) {
  ASSERT_TRUE(comes_up());
  EXPECT_EQ(mine().tunnels.prefix(*mine().stream, probe_context).size(), 2U);
  EXPECT_TRUE(mine().tunnels.prefix(*mine().stream, 6).empty());
  EXPECT_TRUE(mine().tunnels.prefix(400, sequenced_context).empty());
}

TEST_F(SessionPathsTest, TheClientDescribesItsPathsAtAnyTime) {
  ASSERT_TRUE(comes_up());
  const PathDescription first{{"wan4", 1, 10, false}, tunnel::Policy::bonded};
  const PathDescription then{{"wan4", 2, 1, true}, {}};
  mine().tunnels.send_path_description(*mine().stream, first);
  run(200ms);
  EXPECT_EQ(theirs().heard.paths, std::vector{first});
  mine().tunnels.send_path_description(*mine().stream, then);
  run(200ms);
  EXPECT_EQ(theirs().heard.paths, (std::vector{first, then}));
}

TEST_F(SessionPathsTest, TheClientSaysWhichOfItsOtherPathsIsLost) {
  ASSERT_TRUE(comes_up());
  mine().tunnels.send_path_lost(*mine().stream, "wan5");
  run(200ms);
  EXPECT_EQ(theirs().heard.lost_paths, std::vector<std::string>{"wan5"});
}

TEST_F(SessionPathsTest, APathMayBeDescribedBeforeTheAnswer) {
  accepts_ = false;
  begin();
  ASSERT_TRUE(network_.run(2s, [this] { return client_side_ && client_side_->stream; }));
  const PathDescription path{{"wan4", 1, 10, false}, {}};
  mine().tunnels.send_path_description(*mine().stream, path);
  run(200ms);
  EXPECT_EQ(theirs().heard.paths, std::vector{path});
}

/// What a stream carries.
template <class... Capsules>
Packet stream_of(const Capsules&... capsules) {
  Packet stream;
  (append_capsule(stream, capsules.first, capsules.second), ...);
  return stream;
}

std::pair<CapsuleType, Packet> capsule(CapsuleType type, Packet value) { return {type, std::move(value)}; }

TEST_F(RawRequestTest, SequencedPacketsMayComeOverTheStream) {
  request_.session = SessionWish::open();
  session_ = token;
  ask(good(), stream_of(capsule(CapsuleType::datagram, {2, 0x45}), capsule(CapsuleType::datagram, {6, 0x46})));
  EXPECT_EQ(theirs().heard.sequenced, (Packets{{0x45}}));
  EXPECT_EQ(theirs().drops[Drop::unknown_context], 1U);
}

TEST_F(RawRequestTest, AMalformedDescriptionOfAPathEndsTheTunnelAlone) {
  request_.session = SessionWish::open();
  session_ = token;
  ask(good(), stream_of(capsule(CapsuleType::path, {0, 1, 0, 0, 1, 'w'})));
  EXPECT_TRUE(raw_->broken) << "the stream was reset";
  EXPECT_TRUE(theirs().heard.paths.empty());
  ASSERT_EQ(theirs().heard.closed.size(), 1U);
  EXPECT_NE(theirs().heard.closed.front().find("priority 0"), std::string::npos) << theirs().heard.closed.front();
  EXPECT_EQ(client()->state(), quic::ConnectionState::established);
}

TEST_F(RawRequestTest, ASessionThatNobodyUnderstandsIsABadRequest) {
  auto headers = good();
  headers.push_back({"mpquic-session", "close"});
  ask(headers);
  EXPECT_EQ(raw_->answer, "400");
  EXPECT_TRUE(theirs().asked.empty());
}

TEST_F(RawAnswerTest, ThatAgreesToWhatNobodyAskedForIsATunnelOfOnePath) {
  answer({{":status", "200"}, {"mpquic-session", token}});
  ASSERT_TRUE(mine().open);
  EXPECT_EQ(mine().session, "");
  mine().tunnels.on_datagram(Packet{0, 2, 0x45});
  EXPECT_EQ(mine().drops[Drop::unknown_context], 1U);
}

TEST_F(RawAnswerTest, WithATokenThatIsNoneEndsTheRequest) {
  request_.session = SessionWish::open();
  answer({{":status", "200"}, {"mpquic-session", "open"}});
  EXPECT_FALSE(mine().open);
  ASSERT_EQ(mine().refusals.size(), 1U);
  EXPECT_EQ(mine().refusals.front().status, 0);
  EXPECT_TRUE(raw_->broken);
  EXPECT_EQ(client()->state(), quic::ConnectionState::established);
}

TEST_F(RawAnswerTest, WithADescriptionOfAPathIsLikeOneWithout) {
  request_.session = SessionWish::open();
  Packet content;
  append_path_description(content, {{"wan4", 1, 1, false}, {}});
  answer({{":status", "200"}, {"mpquic-session", token}}, content);
  EXPECT_TRUE(mine().open);
  EXPECT_TRUE(mine().heard.closed.empty());
}

}  // namespace
}  // namespace mpquic::masque
