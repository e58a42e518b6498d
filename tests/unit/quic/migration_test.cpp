#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

using MigrationTest = ConnectionTest;

TEST_F(MigrationTest, AClientThatGetsAnotherAddressKeepsItsConnection) {
  connect();
  run(1s);
  for (const char* outside : {"203.0.113.9:1025", "203.0.113.9:60000", "203.0.113.77:5"}) {
    client().outside = Network::address(outside);
    client().user.send(datagram(100));
    run(1s);
    EXPECT_EQ(accepted()->remote(), client().outside);
    accepted().user.send(datagram(100));
    run(1s);
  }
  EXPECT_EQ(accepted().user.received.size(), 3U);
  EXPECT_EQ(client().user.received.size(), 3U);
  EXPECT_EQ(server().accepted.size(), 1U);
  EXPECT_EQ(client()->state(), ConnectionState::established);
}

TEST_F(MigrationTest, TrafficGoesOnThroughAChangeOfAddress) {
  connect();
  run(1s);
  client().user.send_largest(3000);
  run(50ms);
  client().outside = Network::address("203.0.113.9:1025");
  run(10s);
  EXPECT_EQ(client().user.waiting(), 0U);
  EXPECT_GT(accepted().user.received.size(), 2900U);
  EXPECT_EQ(accepted()->remote(), client().outside);
}

TEST_F(MigrationTest, APacketThatSomebodyCopiesFromElsewhereMovesNothingForGood) {
  connect();
  run(1s);
  // An attacker on the way sends the packet on from its own address, faster than it comes by itself.
  client().user.send(datagram(100));
  client().write(network_.up, network_.now);
  network_.up.conditions.delay = 5ms;
  auto copied = network_.up.arrive(network_.now + 1h);
  ASSERT_TRUE(copied);
  const Parcel original = *copied;
  copied->from = Network::address("203.0.113.66:6666");
  network_.up.send(*copied, network_.now);
  network_.up.conditions.delay = 10ms;
  network_.up.send(original, network_.now);
  run(1s);
  client().user.send(datagram(100));
  run(1s);
  EXPECT_EQ(accepted()->remote(), client().outside);
  EXPECT_EQ(accepted().user.received.size(), 2U);
}

}  // namespace
}  // namespace mpquic::quic
