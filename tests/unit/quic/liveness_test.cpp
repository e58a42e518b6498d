#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

using LivenessTest = ConnectionTest;

TEST_F(LivenessTest, KeepAlivesHoldAnIdleConnectionOpen) {
  connect();
  run(1s);
  const auto sent = network_.up.sent();
  run(10min);
  EXPECT_EQ(client()->state(), ConnectionState::established);
  EXPECT_EQ(accepted()->state(), ConnectionState::established);
  const auto keep_alives = network_.up.sent() - sent;
  EXPECT_GE(keep_alives, 35U);
  EXPECT_LE(keep_alives, 120U) << "one each 15 s, and what acknowledges";
}

TEST_F(LivenessTest, SilenceForTheIdleTimeoutClosesBothEnds) {
  connect();
  run(1s);
  network_.up.conditions.loss = network_.down.conditions.loss = 1;
  run(58s);
  EXPECT_EQ(client()->state(), ConnectionState::established);
  EXPECT_EQ(accepted()->state(), ConnectionState::established);
  run(20s);  // a keep-alive that is sent puts it off once
  EXPECT_EQ(client()->close_cause(), CloseCause::idle_timeout);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::idle_timeout);
  EXPECT_FALSE(client()->close_reason().empty());
  const auto sent = network_.up.sent() + network_.down.sent();
  run(1min);
  EXPECT_EQ(network_.up.sent() + network_.down.sent(), sent) << "closed is closed";
}

TEST_F(LivenessTest, LastReceivedIsWhenTheOtherEndWasHeardLast) {
  connect();
  run(1s);
  network_.down.conditions.loss = 1;
  const Instant silent_since = network_.now;
  run(20s);
  EXPECT_LE(client()->last_received(), silent_since + 10ms);
  network_.down.conditions.loss = 0;
  accepted().user.send(datagram(100));
  run(100ms);
  EXPECT_GT(client()->last_received(), silent_since + 20s);
}

TEST_F(LivenessTest, AGoodbyeReachesTheOtherEndWithItsReason) {
  connect();
  client()->close(0, "the client stops");
  EXPECT_EQ(client()->close_cause(), CloseCause::local);
  EXPECT_EQ(client()->close_reason(), "the client stops");
  run(10ms);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::closed_by_peer);
  EXPECT_EQ(accepted()->close_reason(), "closed by the other end: the client stops");
}

TEST_F(LivenessTest, AGoodbyeWithoutAReasonHasItsCode) {
  connect();
  accepted()->close(0x17, "");
  run(10ms);
  EXPECT_EQ(client()->close_reason(), "closed by the other end, code 0x17");
}

TEST_F(LivenessTest, AServerMayRefuseAClientTheMomentItKnowsWhoItIs) {
  start_server();
  dial();
  ASSERT_TRUE(network_.run(1s, [this] { return !server().accepted.empty() && accepted().user.established; }));
  accepted()->close(1, "no client of that name");
  run(1s);
  EXPECT_EQ(client()->close_cause(), CloseCause::closed_by_peer);
  EXPECT_EQ(client()->close_reason(), "closed by the other end: no client of that name");
}

TEST_F(LivenessTest, AReasonIsOneLineWhateverIsInIt) {
  connect();
  const std::string rest(500, 'x');
  accepted()->close(0x17, "no\n<3>all is lost\x1b[2J\xff" + rest);
  run(100ms);
  EXPECT_EQ(client()->close_reason(), "closed by the other end: " + ("no?<3>all is lost?[2J?" + rest).substr(0, 200));
}

TEST_F(LivenessTest, AClosedConnectionTakesAndGivesNothing) {
  connect();
  client()->close(0, "");
  run(1s);
  client().user.send(datagram(100));
  run(1s);
  EXPECT_EQ(client().user.waiting(), 1U);
  EXPECT_EQ(client()->deadline(), never);
  User::Datagram bytes = datagram(100);
  EXPECT_FALSE(client()->receive(bytes, client()->local(), network_.server_address, {}, network_.now));
}

TEST_F(LivenessTest, AServerThatWasRestartedSaysSoToTheFirstPacket) {
  connect();
  run(1s);
  start_server();  // the same secrets, and no connection
  client().user.send(datagram(1000));
  const auto sent = network_.up.sent();
  EXPECT_TRUE(network_.run(25ms, [this] { return client()->state() == ConnectionState::closed; }));
  EXPECT_EQ(client()->close_cause(), CloseCause::stateless_reset);
  EXPECT_EQ(network_.up.sent() - sent, 1U);
  EXPECT_EQ(server().drops[Drop::unknown_connection], 1U);
}

TEST_F(LivenessTest, AResetOfAStrangerIsNotBelieved) {
  connect();
  run(1s);
  server_settings_.secrets.reset.fill(0x77);
  start_server();
  client().user.send(datagram(1000));
  run(100ms);
  EXPECT_EQ(client()->state(), ConnectionState::established);
}

TEST_F(LivenessTest, GarbageInBetweenHarmsNobody) {
  connect();
  for (std::size_t size = 1; size < 1400; size += 13) {
    network_.up.send({datagram(size, 0x40), client().outside, network_.server_address, {}}, network_.now);
    network_.down.send({datagram(size, 0x40), network_.server_address, client().outside, {}}, network_.now);
  }
  client().user.send(datagram(1000));
  run(1s);
  EXPECT_EQ(client()->state(), ConnectionState::established);
  EXPECT_EQ(accepted().user.received.size(), 1U);
}

}  // namespace
}  // namespace mpquic::quic
