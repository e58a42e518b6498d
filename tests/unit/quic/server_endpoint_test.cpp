#include <algorithm>
#include <map>

#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

class ServerEndpointTest : public ConnectionTest {
 protected:
  void ask_everybody_for_a_token() { server_settings_.limits.retry_above = 0; }

  /// Dials, and gives the client's first Initial that carries a token, which does not arrive.
  Parcel initial_with_token() {
    std::optional<Parcel> found;
    network_.up.tap = [&](const Parcel& parcel) {
      if (found || token_size(parcel) == 0) return;
      found = parcel;
      network_.up.conditions.loss = 1;
    };
    dial();
    network_.run(200ms, [&] { return found.has_value(); });
    network_.up.tap = nullptr;
    return found.value();
  }
  // RFC 9000, 17.2.2: first byte, version, destination id, source id, token length (in one byte or two), token.
  static std::size_t token_length_at(const Parcel& parcel) {
    const std::size_t source = 6 + std::size_t{parcel.payload[5]};
    return source + 1 + parcel.payload[source];
  }
  static std::size_t token_at(const Parcel& parcel) {
    const std::size_t length = token_length_at(parcel);
    return length + (parcel.payload[length] < 0x40 ? 1 : 2);
  }
  static std::size_t token_size(const Parcel& parcel) {
    if ((parcel.payload[0] & 0xb0) != 0x80) return 0;
    const std::size_t length = token_length_at(parcel);
    return parcel.payload[length] < 0x40 ? parcel.payload[length] : load_be16(&parcel.payload[length]) & 0x3fffu;
  }

  /// What the server answers to these bytes of a stranger.
  std::vector<User::Datagram> answers(User::Datagram payload, const char* from = "203.0.113.5:5000") {
    std::vector<User::Datagram> result;
    network_.down.tap = [&](const Parcel& parcel) { result.push_back(parcel.payload); };
    Parcel parcel{std::move(payload), Network::address(from), network_.server_address, {}};
    server().receive(parcel, network_.down, network_.now);
    network_.down.tap = nullptr;
    return result;
  }
};

TEST_F(ServerEndpointTest, ARetryCostsARoundTripAndTheHandshakeSucceeds) {
  ask_everybody_for_a_token();
  start_server();
  dial();
  run(15ms);
  EXPECT_TRUE(server().accepted.empty()) << "nothing is kept of an address that is not proved";
  EXPECT_EQ(server().endpoint.half_open(), 0U);
  EXPECT_TRUE(network_.run(100ms, [this] { return client().user.established; })) << client()->close_reason();
  client().user.send(datagram(100));
  run(1s);
  EXPECT_EQ(accepted().user.received.size(), 1U);
  EXPECT_EQ(server().accepted.size(), 1U);
  EXPECT_EQ(server().drops[Drop::bad_token], 0U);
}

TEST_F(ServerEndpointTest, OnlyWhenManyHandshakesAreUnderWayATokenIsAskedFor) {
  server_settings_.limits.retry_above = 2;
  start_server();
  network_.down.conditions.loss = 1;
  dial();
  dial();
  run(50ms);
  EXPECT_EQ(server().endpoint.half_open(), 2U);
  dial();
  run(50ms);
  EXPECT_EQ(server().endpoint.half_open(), 2U);
  network_.down.conditions.loss = 0;
  EXPECT_TRUE(network_.run(4s, [this] {
    return std::ranges::all_of(network_.clients, [](const auto& each) { return each->user.established; });
  }));
  EXPECT_EQ(server().endpoint.half_open(), 0U);
}

TEST_F(ServerEndpointTest, ATokenIsGoodForTenSeconds) {
  ask_everybody_for_a_token();
  start_server();
  Parcel initial = initial_with_token();
  network_.now += 9s;
  server().receive(initial, network_.down, network_.now);
  EXPECT_EQ(server().drops[Drop::bad_token], 0U);
  EXPECT_EQ(server().accepted.size(), 1U);
}

TEST_F(ServerEndpointTest, AnOldTokenIsRefused) {
  ask_everybody_for_a_token();
  start_server();
  Parcel initial = initial_with_token();
  network_.now += 11s;
  server().receive(initial, network_.down, network_.now);
  EXPECT_EQ(server().drops[Drop::bad_token], 1U);
  EXPECT_TRUE(server().accepted.empty());
}

TEST_F(ServerEndpointTest, ATokenIsRefusedFromAnotherAddressOrPort) {
  ask_everybody_for_a_token();
  start_server();
  const Parcel initial = initial_with_token();
  std::uint64_t refused = 0;
  for (const char* from : {"203.0.113.5:40000", "192.0.2.1:40001"}) {
    Parcel copy = initial;
    copy.from = Network::address(from);
    server().receive(copy, network_.down, network_.now);
    EXPECT_EQ(server().drops[Drop::bad_token], ++refused);
  }
  EXPECT_TRUE(server().accepted.empty());
}

TEST_F(ServerEndpointTest, ATokenInWhichAnyByteIsForgedIsRefused) {
  ask_everybody_for_a_token();
  start_server();
  const Parcel initial = initial_with_token();
  const std::size_t token = token_at(initial), size = token_size(initial);
  for (std::size_t i = 1; i < size; ++i) {
    Parcel forged = initial;
    forged.payload[token + i] ^= 0x10;
    server().receive(forged, network_.down, network_.now);
  }
  EXPECT_EQ(server().drops[Drop::bad_token], size - 1);
  EXPECT_TRUE(server().accepted.empty());
}

TEST_F(ServerEndpointTest, ATokenThatIsNotOfARetryIsNone) {
  ask_everybody_for_a_token();
  start_server();
  Parcel initial = initial_with_token();
  initial.payload[token_at(initial)] ^= 0x10;
  const auto sent = network_.down.sent();
  server().receive(initial, network_.down, network_.now);
  EXPECT_EQ(server().drops[Drop::bad_token], 0U);
  EXPECT_TRUE(server().accepted.empty());
  EXPECT_EQ(network_.down.sent(), sent + 1) << "another Retry (RFC 9000, 8.1.3)";
}

TEST_F(ServerEndpointTest, ATokenOfAnotherServerIsRefused) {
  ask_everybody_for_a_token();
  start_server();
  Parcel initial = initial_with_token();
  server_settings_.secrets.token.fill(0x99);
  start_server();
  server().receive(initial, network_.down, network_.now);
  EXPECT_EQ(server().drops[Drop::bad_token], 1U);
}

TEST_F(ServerEndpointTest, ATokenOfAnotherWorkerOfTheSameServerIsGood) {
  ask_everybody_for_a_token();
  start_server();
  Parcel initial = initial_with_token();
  server_settings_.slot = {1, 2};
  start_server();
  server().receive(initial, network_.down, network_.now);
  EXPECT_EQ(server().accepted.size(), 1U);
}

TEST_F(ServerEndpointTest, BeyondTheLimitOfHalfOpenConnectionsInitialsAreDropped) {
  server_settings_.limits.half_open = 1;
  start_server();
  network_.down.conditions.loss = 1;
  dial();
  dial();
  run(50ms);
  EXPECT_EQ(server().accepted.size(), 1U);
  EXPECT_EQ(server().drops[Drop::half_open_limit], 1U);
  network_.down.conditions.loss = 0;
  EXPECT_TRUE(network_.run(4s, [this] {
    return network_.clients[0]->user.established && network_.clients[1]->user.established;
  })) << "the second comes in when the first is through";
}

TEST_F(ServerEndpointTest, BeyondTheLimitOfASourceInitialsAreDropped) {
  server_settings_.limits.source_burst = 1;
  server_settings_.limits.source_rate = 0.001;
  start_server();
  dial();
  dial();
  run(100ms);
  EXPECT_EQ(server().accepted.size(), 1U);
  EXPECT_GE(server().drops[Drop::source_limit], 1U);
}

TEST_F(ServerEndpointTest, AllConnectionIdsOfAWorkerCarryItsSlot) {
  for (const WorkerSlot slot : {WorkerSlot{0, 1}, {0, 2}, {1, 2}, {2, 3}, {7, 8}, {63, 64}}) {
    for (const std::size_t retry_above : {0U, 64U}) {
      Network network(7);
      server_settings_.slot = slot;
      server_settings_.limits.retry_above = retry_above;
      network.start_server(server_settings_);
      std::size_t short_headers = 0;
      network.up.tap = [&](const Parcel& parcel) {
        const bool is_long = (parcel.payload[0] & 0x80) != 0;
        if (is_long && parcel.payload[5] != server_id_size) return;  // an id of the client's own making
        short_headers += !is_long;
        EXPECT_TRUE(slot.owns(parcel.payload[is_long ? 6 : 1]));
      };
      // A client that moves uses new ids.
      Client& client = network.add_client(transport_, *client_tls_);
      for (const char* outside : {"203.0.113.9:1", "203.0.113.9:2", "203.0.113.9:3"}) {
        ASSERT_TRUE(network.run(1s, [&] { return client.user.established; }));
        client.outside = Network::address(outside);
        client.user.send(datagram(100));
        network.run(1s);
      }
      EXPECT_GT(short_headers, 3U);
    }
  }
}

TEST(WorkerSlotTest, EverySlotMarksEveryByteAsItsOwn) {
  for (unsigned count = 1; count <= 64; ++count) {
    for (unsigned index = 0; index < count; ++index) {
      const WorkerSlot slot{index, count};
      for (unsigned byte = 0; byte < 256; ++byte) {
        ASSERT_TRUE(slot.owns(slot.mark(static_cast<std::uint8_t>(byte)))) << index << " of " << count;
      }
    }
  }
}

TEST_F(ServerEndpointTest, WhatIsLeftOfAConnectionThatIsGoneIsAnsweredNotFollowed) {
  for (const std::size_t retry_above : {0U, 64U}) {
    std::vector<Parcel> recorded;
    server_settings_.limits.retry_above = retry_above;
    network_.up.tap = [&](const Parcel& parcel) { recorded.push_back(parcel); };
    connect();
    client().user.send_largest(10);
    run(1s);
    network_.up.tap = nullptr;
    server().accepted.clear();
    for (Parcel& parcel : recorded) {
      const bool is_short = (parcel.payload[0] & 0x80) == 0;
      const auto before = server().drops[Drop::unknown_connection];
      server().receive(parcel, network_.down, network_.now);
      server().write(network_.down, network_.now);
      EXPECT_EQ(server().drops[Drop::unknown_connection], before + is_short);
    }
  }
}

TEST_F(ServerEndpointTest, AnInitialThatCannotBeDecryptedLeavesNothingBehind) {
  start_server();
  for (const std::uint8_t id_size : std::initializer_list<std::uint8_t>{8, 9, 20}) {
    User::Datagram initial = {0xc3, 0, 0, 0, 1, id_size};
    initial.resize(6U + id_size + 2, 0x42);  // the id, no id of its own, no token
    initial[6U + id_size] = initial[7U + id_size] = 0;
    initial.insert(initial.end(), {0x44, 0xd0});
    initial.resize(1300);
    for (int i = 0; i < 3; ++i) {
      answers(initial);
      ASSERT_EQ(server().accepted.size(), 1U) << "each is a new one";
      EXPECT_EQ(accepted()->close_cause(), CloseCause::protocol_error);
      server().accepted.clear();
      EXPECT_EQ(server().endpoint.half_open(), 0U);
    }
  }
}

TEST_F(ServerEndpointTest, NegotiatesTheVersionWithWhatCouldBeAnInitialOfAnother) {
  start_server();
  User::Datagram initial = {0xc3, 0x1a, 0x2a, 0x3a, 0x4a, 4, 'd', 'e', 's', 't', 3, 's', 'r', 'c'};
  initial.resize(1200);
  const auto replies = answers(initial);
  ASSERT_EQ(replies.size(), 1U);
  // RFC 9000, 17.2.1: version 0, the ids changed round, then the versions.
  const User::Datagram expected = {0, 0, 0, 0, 3, 's', 'r', 'c', 4, 'd', 'e', 's', 't', 0, 0, 0, 1};
  EXPECT_NE(replies[0][0] & 0x80, 0);
  EXPECT_EQ(User::Datagram(replies[0].begin() + 1, replies[0].end()), expected);
  EXPECT_EQ(server().drops[Drop::version], 1U);

  initial.resize(1199);
  EXPECT_TRUE(answers(initial).empty()) << "too small to be an Initial";
  EXPECT_EQ(server().drops[Drop::udp_garbage], 1U);
}

TEST_F(ServerEndpointTest, AnswersWithAResetThatIsSmallerThanWhatItAnswers) {
  start_server();
  const struct {
    std::size_t size, reset;
  } table[] = {{1, 0}, {20, 0}, {21, 0}, {22, 21}, {30, 29}, {43, 42}, {44, 43}, {1200, 43}, {1472, 43}};
  for (const auto& row : table) {
    const auto replies = answers(datagram(row.size, 0x40));
    ASSERT_EQ(replies.size(), row.reset == 0 ? 0U : 1U) << row.size;
    if (row.reset == 0) continue;
    EXPECT_EQ(replies[0].size(), row.reset);
    EXPECT_EQ(replies[0][0] & 0xc0, 0x40) << "must look like any other packet";
  }
}

TEST_F(ServerEndpointTest, AnswersStrangersNoFasterThanItsRate) {
  start_server();
  std::size_t replies = 0;
  for (int i = 0; i < 5000; ++i) replies += answers(datagram(100, 0x40)).size();
  EXPECT_EQ(replies, 2000U);
  network_.now += 500ms;
  for (int i = 0; i < 5000; ++i) replies += answers(datagram(100, 0x40)).size();
  EXPECT_NEAR(static_cast<double>(replies), 3000, 1);
}

TEST_F(ServerEndpointTest, EveryPayloadThatLeadsNowhereHasAReason) {
  start_server();
  User::Datagram handshake = {0xe3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
  handshake.resize(1200);
  User::Datagram small_initial = {0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
  small_initial.resize(1000);
  User::Datagram version_negotiation = {0xc3, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0};
  version_negotiation.resize(1200);
  User::Datagram long_id = {0xc3, 0, 0, 0, 1, 255};
  long_id.resize(1200);
  User::Datagram cut_id = {0xc3, 0, 0, 0, 1, 20};
  cut_id.resize(21);
  const struct {
    const char* what;
    User::Datagram payload;
    Drop reason;
  } table[] = {{"nothing", {}, Drop::udp_garbage},
               {"a keep-alive of a NAT", {0xff}, Drop::udp_garbage},
               {"a short header", datagram(100, 0x40), Drop::unknown_connection},
               {"a handshake packet", handshake, Drop::unknown_connection},
               {"an Initial that is too small", small_initial, Drop::unknown_connection},
               {"a version negotiation", version_negotiation, Drop::unknown_connection},
               {"an id that is too long", long_id, Drop::udp_garbage},
               {"an id that is cut off", cut_id, Drop::udp_garbage}};
  for (const auto& row : table) {
    const auto before = server().drops[row.reason];
    answers(row.payload);
    EXPECT_EQ(server().drops[row.reason], before + 1) << row.what;
    EXPECT_TRUE(server().accepted.empty()) << row.what;
  }
}

}  // namespace
}  // namespace mpquic::quic
