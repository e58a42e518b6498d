#include <algorithm>
#include <numeric>

#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

using DatagramTest = ConnectionTest;

TEST_F(DatagramTest, OfEverySizeThatFitsArriveWholeBothWays) {
  connect();
  run(1s);  // path MTU discovery
  const std::size_t largest = std::min(client()->max_datagram_size(), accepted()->max_datagram_size());
  ASSERT_GT(largest, 1400U);
  for (std::size_t size = 1; size <= largest; ++size) {
    client().user.send(datagram(size));
    accepted().user.send(datagram(size, 7));
  }
  run(5s);
  EXPECT_EQ(client().user.waiting() + accepted().user.waiting(), 0U);
  ASSERT_EQ(accepted().user.received.size(), largest);
  ASSERT_EQ(client().user.received.size(), largest);
  // Nothing is promised about order, but nothing reorders here either.
  for (std::size_t size = 1; size <= largest; ++size) {
    EXPECT_EQ(accepted().user.received[size - 1], datagram(size));
    EXPECT_EQ(client().user.received[size - 1], datagram(size, 7));
  }
  const ConnectionStatistics counts = client()->statistics();
  EXPECT_EQ(counts.tx_datagrams, largest);
  EXPECT_EQ(counts.rx_datagrams, largest);
  EXPECT_EQ(counts.tx_bytes, largest * (largest + 1) / 2);
  EXPECT_EQ(counts.rx_bytes, counts.tx_bytes);
}

TEST_F(DatagramTest, TooLargeForAPacketAreNeverWrittenNorTaken) {
  connect();
  run(1s);
  client().user.ignores_limits = true;
  client().user.send(datagram(1472));
  run(1s);
  EXPECT_EQ(client().user.waiting(), 1U);
  EXPECT_TRUE(accepted().user.received.empty());
  EXPECT_EQ(client()->statistics().tx_datagrams, 0U);
  EXPECT_EQ(client()->state(), ConnectionState::established);
}

TEST_F(DatagramTest, NoPayloadIsEverLargerThanWhatThePathIsKnownToCarry) {
  network_.up.conditions.largest = network_.down.conditions.largest = 1400;
  connect();
  run(10s);  // path MTU discovery is over: nobody probes any more
  std::size_t largest = 0;
  network_.up.tap = [&](const Parcel& parcel) { largest = std::max(largest, parcel.payload.size()); };
  client().user.send_largest(500);
  run(5s);
  EXPECT_GT(largest, 1300U);
  EXPECT_LE(largest, 1400U);
  EXPECT_EQ(accepted().user.received.size(), 500U);
}

TEST_F(DatagramTest, SmallOnesShareAPacket) {
  connect();
  run(1s);
  const auto sent = network_.up.sent();
  for (int i = 0; i < 10; ++i) client().user.send(datagram(100));
  run(5ms);
  EXPECT_EQ(network_.up.sent() - sent, 1U);
  run(20ms);
  EXPECT_EQ(accepted().user.received.size(), 10U);
}

TEST_F(DatagramTest, LargeOnesTravelAlone) {
  connect();
  run(1s);
  const auto sent = network_.up.sent();
  for (int i = 0; i < 3; ++i) client().user.send(datagram(1000));
  run(20ms);
  EXPECT_EQ(network_.up.sent() - sent, 3U);
  EXPECT_EQ(accepted().user.received.size(), 3U);
}

TEST_F(DatagramTest, SharedPacketsStayBelowWhatEveryPathCarries) {
  connect();
  network_.up.conditions.largest = 1200;
  for (int i = 0; i < 100; ++i) client().user.send(datagram(500));
  run(1s);
  EXPECT_EQ(accepted().user.received.size(), 100U);
}

TEST_F(DatagramTest, WaitInTheSourceWhileCongestionControlSaysSo) {
  connect();
  run(1s);
  client().user.send_largest(1000);
  run(5ms);  // nothing can have been acknowledged
  const ConnectionStatistics early = client()->statistics();
  EXPECT_GT(early.tx_datagrams, 0U);
  EXPECT_GT(client().user.waiting(), 500U) << "blocked datagrams were popped";
  EXPECT_LE(early.bytes_in_flight, early.congestion_window + 1472);
  run(5s);
  EXPECT_EQ(client().user.waiting(), 0U);
  EXPECT_EQ(accepted().user.received.size(), 1000U);
}

TEST_F(DatagramTest, NothingIsSentIntoSilence) {
  connect();
  run(1s);
  network_.up.conditions.loss = 1;
  client().user.send_largest(1000);
  run(1s);
  const std::size_t waiting = client().user.waiting();
  EXPECT_GT(waiting, 0U);
  run(5s);
  EXPECT_GT(client().user.waiting() + 20, waiting) << "no more than a few probes";
}

class CountsTest : public DatagramTest, public testing::WithParamInterface<CongestionControl> {};

TEST_P(CountsTest, EachDatagramIsInTheEndEitherAcknowledgedOrLost) {
  transport_.congestion = server_settings_.transport.congestion = GetParam();
  connect();
  run(1s);
  network_.up.conditions.loss = 0.05;
  client().user.send_largest(2000);
  run(30s);
  network_.up.conditions.loss = 0;
  client().user.send_largest(10);  // what is last can only be found lost by what comes behind it
  run(2s);
  EXPECT_EQ(client().user.waiting(), 0U);
  const ConnectionStatistics counts = client()->statistics();
  EXPECT_EQ(counts.tx_datagrams, 2010U);
  EXPECT_EQ(counts.acknowledged_datagrams + counts.lost_datagrams, 2010U);
  EXPECT_EQ(accepted().user.received.size(), counts.acknowledged_datagrams);
  EXPECT_GT(counts.lost_datagrams, 50U);
  EXPECT_LT(counts.lost_datagrams, 200U);
  EXPECT_EQ(client().user.lost.size(), counts.lost_datagrams);
  EXPECT_TRUE(std::ranges::all_of(client().user.lost, [](auto number) { return number >= 1 && number <= 2010; }));
}

INSTANTIATE_TEST_SUITE_P(With, CountsTest, testing::Values(CongestionControl::bbr, CongestionControl::cubic),
                         [](const auto& with) { return with.param == CongestionControl::bbr ? "Bbr" : "Cubic"; });

TEST_F(DatagramTest, TheNumberOfALostOneIsItsPlaceAmongThoseSent) {
  connect();
  run(1s);
  client().user.send(datagram(1000));
  run(100ms);
  network_.up.conditions.loss = 1;
  client().user.send(datagram(1000));
  run(1ms);
  network_.up.conditions.loss = 0;
  for (int i = 0; i < 5; ++i) client().user.send(datagram(1000));
  run(1s);
  EXPECT_EQ(client().user.lost, std::vector<std::uint64_t>{2});
}

TEST_F(DatagramTest, ReorderingDuplicatesNothing) {
  connect();
  run(1s);
  network_.up.conditions.jitter = 5ms;
  for (std::size_t i = 0; i < 200; ++i) client().user.send(datagram(1000, static_cast<std::uint8_t>(i)));
  run(5s);
  auto& received = accepted().user.received;
  EXPECT_EQ(received.size(), 200U);
  std::ranges::sort(received);
  const auto repeated = std::ranges::unique(received);
  EXPECT_TRUE(repeated.empty());
}

TEST_F(DatagramTest, CongestionMarksSlowTheSenderDown) {
  transport_.congestion = CongestionControl::cubic;
  connect();
  run(1s);
  client().user.send_largest(500);
  run(500ms);
  const auto before = client()->statistics().congestion_window;
  network_.up.conditions.marks = true;
  client().user.send_largest(500);
  run(500ms);
  EXPECT_LT(client()->statistics().congestion_window, before);
  EXPECT_EQ(client()->statistics().lost_datagrams, 0U);
}

TEST_F(DatagramTest, ABatchThatIsFullIsNoReasonToForgetTheGoodbye) {
  connect();
  packet::UdpBatch small(1000, true);  // for no packet
  client()->close(0, "enough");
  EXPECT_FALSE(client()->write(client().user, small, network_.now)) << "the batch is full";
  run(20ms);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::closed_by_peer);
}

}  // namespace
}  // namespace mpquic::quic
