#include "quic/path_mtu.h"

#include <algorithm>

#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

/// Datagrams of one path, numbered as they are sent.
class PathMtuTest : public testing::Test {
 protected:
  static constexpr unsigned few = 4;     ///< losses to suspect
  static constexpr unsigned enough = 2;  ///< more, to be sure

  /// Sends so many, and loses them all.
  void lose(unsigned count, std::size_t size) {
    sent_ += count;
    for (std::uint64_t number = sent_ - count + 1; number <= sent_; ++number) {
      changed_ |= mtu_.lost(size, number, sent_, now_);
    }
  }
  void find_black_hole(std::size_t size) {
    lose(few, size);
    lose(enough, size);
  }

  PathMtu mtu_;
  std::uint64_t sent_ = 0;
  bool changed_ = false;
  Instant now_ = Instant() + 1h;
};

TEST_F(PathMtuTest, HasNoCapAtFirst) {
  EXPECT_EQ(mtu_.cap(), PathMtu::no_cap);
  EXPECT_EQ(mtu_.deadline(), never);
}

TEST_F(PathMtuTest, LosingAnyNumberOfLargeDatagramsAtOnceIsOnlyASuspicion) {
  lose(1000, 1450);
  EXPECT_EQ(mtu_.cap(), PathMtu::no_cap);
  EXPECT_FALSE(changed_);
}

TEST_F(PathMtuTest, LosingMoreThatWereSentSinceIsAFinding) {
  lose(few, 1450);
  lose(enough - 1, 1450);
  EXPECT_EQ(mtu_.cap(), PathMtu::no_cap);
  lose(1, 1450);
  EXPECT_TRUE(changed_);
  EXPECT_EQ(mtu_.cap(), 1332U);
}

TEST_F(PathMtuTest, CapsBelowTheSmallestThatFailed) {
  const struct {
    std::size_t lost, cap;
  } table[] = {{1472, 1332}, {1400, 1332}, {1333, 1332}, {1332, 1200}, {1201, 1200}};
  for (const auto& row : table) {
    mtu_ = {};
    find_black_hole(row.lost);
    EXPECT_EQ(mtu_.cap(), row.cap) << row.lost;
  }
}

TEST_F(PathMtuTest, GoesOnDownwardsAsLongAsWhatItAllowsFails) {
  find_black_hole(1450);
  lose(enough - 1, 1332);
  EXPECT_EQ(mtu_.cap(), 1332U);
  lose(1, 1332);
  EXPECT_EQ(mtu_.cap(), 1200U) << "the suspicion is old";
  lose(few + enough, 1200);
  EXPECT_EQ(mtu_.cap(), 1200U) << "every path carries this (RFC 9000, 14)";
}

TEST_F(PathMtuTest, WhatEveryPathCarriesSaysNothing) {
  find_black_hole(1200);
  EXPECT_EQ(mtu_.cap(), PathMtu::no_cap);
}

TEST_F(PathMtuTest, ALargeDatagramThatArrivesClearsIt) {
  for (const std::size_t arrived : {std::size_t{1450}, std::size_t{1472}}) {
    lose(few, 1450);
    lose(enough - 1, 1450);
    mtu_.acknowledged(arrived);
    lose(few, 1450);
    EXPECT_EQ(mtu_.cap(), PathMtu::no_cap);
    mtu_.acknowledged(arrived);
  }
}

TEST_F(PathMtuTest, WhatWasSentBeforeTheCapSaysNothingAboutTheNextStep) {
  find_black_hole(1450);
  for (std::uint64_t number = 1; number <= sent_; ++number) mtu_.lost(1400, number, sent_, now_);
  EXPECT_EQ(mtu_.cap(), 1332U);
}

TEST_F(PathMtuTest, WhatArrivesUnderTheCapSaysThatItIsLowEnough) {
  find_black_hole(1450);
  mtu_.acknowledged(1332);
  lose(few, 1332);
  EXPECT_EQ(mtu_.cap(), 1332U) << "a suspicion, as at first";
}

TEST_F(PathMtuTest, ASmallerOneThatArrivesClearsNothing) {
  lose(few, 1450);
  mtu_.acknowledged(1300);
  lose(enough, 1450);
  EXPECT_EQ(mtu_.cap(), 1332U);
}

TEST_F(PathMtuTest, RisesStepByStepEachTenMinutes) {
  find_black_hole(1450);
  lose(enough, 1332);
  for (const std::size_t cap : {std::size_t{1332}, std::size_t{1400}, PathMtu::no_cap}) {
    EXPECT_EQ(mtu_.deadline(), now_ + 10min);
    mtu_.on_deadline(now_ + 10min - 1ns);
    EXPECT_LT(mtu_.cap(), cap);
    now_ += 10min;
    mtu_.on_deadline(now_);
    EXPECT_EQ(mtu_.cap(), cap);
  }
  EXPECT_EQ(mtu_.deadline(), never);
}

class PathMtuOverWireTest : public ConnectionTest {
 protected:
  static constexpr std::size_t client_overhead = 32;  // first byte, 8 of the id, 4 of the number, 3 + 16 around

  void set_largest(std::size_t payload) { network_.up.conditions.largest = network_.down.conditions.largest = payload; }
};

TEST_F(PathMtuOverWireTest, IsFoundWithinASecond) {
  const struct {
    std::size_t path, found;
  } table[] = {{1472, 1472}, {1471, 1452}, {1452, 1452}, {1440, 1432}, {1412, 1412},
               {1400, 1392}, {1372, 1372}, {1340, 1332}, {1250, 1200}};
  for (const auto& row : table) {
    Network network;
    network.up.conditions.largest = network.down.conditions.largest = row.path;
    network.start_server(server_settings_);
    Client& client = network.add_client(transport_, *client_tls_);
    network.run(10s);
    EXPECT_EQ(client->max_datagram_size(), row.found - client_overhead) << row.path;
    EXPECT_EQ(client->state(), ConnectionState::established);
  }
}

TEST_F(PathMtuOverWireTest, CarriesAnInnerIpv6PacketARoundTripAfterTheHandshake) {
  connect();
  EXPECT_TRUE(network_.run(
      60ms, [this] { return client()->max_datagram_size() >= 1280 && accepted()->max_datagram_size() >= 1280; }));
}

TEST_F(PathMtuOverWireTest, OfIpv6LeavesRoomForItsLargerHeader) {
  Network network;
  const auto server = Network::address("[2001:db8::1]:45010");
  network.server.emplace(server, server_settings_);
  network.clients.push_back(
      std::make_unique<Client>(transport_, *client_tls_, Network::address("[2001:db8::2]:40000"), server, network.now));
  std::size_t largest = 0;
  network.up.tap = [&](const Parcel& parcel) { largest = std::max(largest, parcel.payload.size()); };
  network.run(5s);
  EXPECT_EQ(largest, 1452U);
  EXPECT_EQ(network.clients[0]->connection().max_datagram_size(), 1452 - client_overhead);
}

TEST_F(PathMtuOverWireTest, ThatShrinksIsNoticedAndTrafficGoesOn) {
  connect();
  run(2s);
  ASSERT_EQ(client()->max_datagram_size(), 1472 - client_overhead);
  set_largest(1380);
  client().user.send_largest(3000);
  for (int i = 0; i < 500; ++i) {  // other traffic goes on meanwhile: small packets get through
    client().user.send(datagram(100));
    run(20ms);
  }
  run(20s);
  EXPECT_EQ(client()->state(), ConnectionState::established);
  EXPECT_EQ(client()->max_datagram_size(), 1332 - client_overhead);
  const std::size_t before = accepted().user.received.size();
  client().user.send_largest(100);
  run(2s);
  EXPECT_EQ(accepted().user.received.size(), before + 100);

  set_largest(1472);
  run(21min);
  EXPECT_EQ(client()->max_datagram_size(), 1472 - client_overhead) << "and tried again later";
}

TEST_F(PathMtuOverWireTest, IsNotDoubtedAfterAnOutage) {
  connect();
  run(2s);
  client().user.send_largest(200);
  run(10ms);
  network_.up.conditions.loss = 1;
  run(10s);
  network_.up.conditions.loss = 0;
  client().user.send_largest(500);
  run(10s);
  EXPECT_EQ(client().user.waiting(), 0U);
  EXPECT_EQ(client()->max_datagram_size(), 1472 - client_overhead);
}

TEST_F(PathMtuOverWireTest, IsNotDoubtedOnALossyLink) {
  connect();
  run(2s);
  network_.up.conditions.loss = 0.1;
  client().user.send_largest(5000);
  run(60s);
  EXPECT_EQ(client()->max_datagram_size(), 1472 - client_overhead);
}

}  // namespace
}  // namespace mpquic::quic
