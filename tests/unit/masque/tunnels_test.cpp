#include <gtest/gtest.h>

#include <algorithm>

#include "masque/error_codes.h"
#include "masque/raw_ends.h"

namespace mpquic::masque {
namespace {

Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

TEST_F(TunnelsTest, ARequestIsAcceptedAndPacketsGoBothWays) {
  request_.bearer_token = "secret";
  ASSERT_TRUE(comes_up()) << client()->close_reason();
  ASSERT_EQ(theirs().asked.size(), 1U);
  EXPECT_EQ(theirs().asked.begin()->second, request_);
  EXPECT_TRUE(mine().tunnels.datagrams());

  client().user.send(datagram(1000));
  const Bytes back = theirs().tunnels.prefix(0);
  accepted().user.datagram_prefix.assign(back.begin(), back.end());
  accepted().user.send(datagram(700, 7));
  run(200ms);
  hand_on_datagrams();
  EXPECT_EQ(theirs().heard.packets, (Packets{datagram(1000)}));
  EXPECT_EQ(mine().heard.packets, (Packets{datagram(700, 7)}));
}

TEST_F(TunnelsTest, CapsulesGoBothWays) {
  ASSERT_TRUE(comes_up());
  const std::vector<AddressEntry> wanted = {{1, prefix("0.0.0.0/32")}, {2, prefix("::/128")}};
  const std::vector<AddressEntry> given = {{1, prefix("10.0.0.2/32")}, {0, prefix("172.16.0.0/24")}};
  const std::vector<AddressRange> routes = ranges_of({prefix("10.0.0.0/24"), prefix("fd00::/64")});
  mine().tunnels.send_address_request(*mine().stream, wanted);
  mine().tunnels.send_routes(*mine().stream, routes);
  theirs().tunnels.send_addresses(0, given);
  theirs().tunnels.send_routes(0, routes);
  const std::vector<Address> servers = {prefix("10.0.0.53").address(), prefix("fd00::53").address()};
  theirs().tunnels.send_dns_servers(0, servers);
  run(200ms);
  EXPECT_EQ(theirs().heard.requests, wanted);
  EXPECT_EQ(theirs().heard.routes, routes);
  EXPECT_EQ(mine().heard.addresses, given);
  EXPECT_EQ(mine().heard.routes, routes);
  EXPECT_EQ(mine().heard.dns_servers, servers);
}

TEST_F(TunnelsTest, ARefusalSaysWhy) {
  refusal_ = Refusal{403, "no client named \"box9\"", {}};
  EXPECT_FALSE(comes_up());
  ASSERT_EQ(mine().refusals.size(), 1U);
  EXPECT_EQ(mine().refusals.front().status, 403);
  EXPECT_NE(mine().refusals.front().reason.find("no client named"), std::string::npos)
      << mine().refusals.front().reason;
  EXPECT_TRUE(mine().heard.closed.empty()) << "there was no tunnel";
  EXPECT_EQ(client()->state(), quic::ConnectionState::established) << "only the request was refused";
}

TEST_F(TunnelsTest, PacketsThatComeBeforeTheAnswerWaitForIt) {
  accepts_ = false;
  begin();
  ASSERT_TRUE(network_.run(2s, [this] { return server_side_ && !server_side_->asked.empty(); }));
  const Bytes early = mine().tunnels.prefix(*mine().stream);
  client().user.datagram_prefix.assign(early.begin(), early.end());
  for (std::uint8_t i = 0; i < 40; ++i) client().user.send(datagram(100, i));
  run(200ms);
  hand_on_datagrams();
  EXPECT_TRUE(theirs().heard.packets.empty());
  theirs().tunnels.accept(0);
  ASSERT_EQ(theirs().heard.packets.size(), 32U) << "so many are kept";
  EXPECT_EQ(theirs().heard.packets.back(), datagram(100, 31));
  EXPECT_EQ(theirs().drops[Drop::not_registered], 8U);
}

TEST_F(TunnelsTest, PacketsMayGoOverTheStream) {
  ASSERT_TRUE(comes_up());
  const Packet large = datagram(9000);
  EXPECT_TRUE(mine().tunnels.send_over_stream(*mine().stream, {Bytes(large).first(40), Bytes(large).subspan(40)}));
  run(500ms);
  EXPECT_EQ(theirs().heard.packets, (Packets{large}));
}

TEST_F(TunnelsTest, AStreamThatDoesNotGetAnywhereTakesNoMore) {
  ASSERT_TRUE(comes_up());
  const Packet large = datagram(60'000);
  unsigned taken = 0;
  while (taken < 100 && mine().tunnels.send_over_stream(*mine().stream, {large, {}})) ++taken;
  EXPECT_EQ(taken, 3U) << "128 KiB, and what is begun";
  run(5s);
  EXPECT_EQ(theirs().heard.packets.size(), taken);
  EXPECT_TRUE(mine().tunnels.send_over_stream(*mine().stream, {large, {}})) << "acknowledged, so there is room again";
}

TEST_F(TunnelsTest, UnknownContextsAndTunnelsAreCounted) {
  ASSERT_TRUE(comes_up());
  theirs().tunnels.on_datagram(Packet{0, 4, 0x45});  // context 4
  theirs().tunnels.on_datagram(Packet{1, 0, 0x45});  // stream 4
  theirs().tunnels.on_datagram(Packet{0});           // no context id
  EXPECT_EQ(theirs().drops[Drop::unknown_context], 1U);
  EXPECT_EQ(theirs().drops[Drop::unknown_tunnel], 1U);
  EXPECT_EQ(theirs().drops[Drop::malformed], 1U);
  EXPECT_TRUE(theirs().heard.packets.empty());
  EXPECT_EQ(accepted()->state(), quic::ConnectionState::established);
}

TEST_F(TunnelsTest, ADatagramWithoutAStreamEndsTheConnection) {
  ASSERT_TRUE(comes_up());
  theirs().tunnels.on_datagram({});
  EXPECT_EQ(accepted()->state(), quic::ConnectionState::closed);
  run(200ms);
  EXPECT_EQ(client()->close_cause(), quic::CloseCause::closed_by_peer) << client()->close_reason();
}

TEST_F(RawRequestTest, AMalformedCapsuleEndsTheTunnelAlone) {
  ask(good(), {2, 0});  // RFC 9484, 4.7.2: an ADDRESS_REQUEST without a request
  EXPECT_TRUE(raw_->broken) << "the stream was reset";
  ASSERT_EQ(theirs().heard.closed.size(), 1U);
  EXPECT_NE(theirs().heard.closed.front().find("malformed"), std::string::npos) << theirs().heard.closed.front();
  EXPECT_EQ(client()->state(), quic::ConnectionState::established);
}

TEST_F(RawRequestTest, AnotherPathIsNotFound) {
  auto headers = good();
  std::ranges::find(headers, ":path", &Header::name)->value = "/somewhere/else";
  ask(headers);
  EXPECT_EQ(raw_->answer, "404");
  EXPECT_TRUE(raw_->ended);
  EXPECT_TRUE(theirs().asked.empty());
}

TEST_F(RawRequestTest, AMalformedRequestIsReset) {
  auto headers = good();
  std::ranges::find(headers, ":path", &Header::name)->value = "/.well-known/masque/ip/*/256/";
  ask(headers);
  EXPECT_EQ(raw_->answer, "");
  EXPECT_TRUE(raw_->broken);
  EXPECT_EQ(client()->state(), quic::ConnectionState::established);
}

TEST_F(RawRequestTest, HeadersWithoutEndAreNotRead) {
  auto headers = good();
  headers.push_back({"x-long", std::string(20'000, 'x')});
  ask(headers);
  EXPECT_EQ(raw_->answer, "");
  EXPECT_TRUE(raw_->broken);
  EXPECT_TRUE(theirs().asked.empty());
}

TEST_F(TunnelsTest, EitherEndMayCloseATunnel) {
  ASSERT_TRUE(comes_up());
  theirs().tunnels.close(0);
  run(200ms);
  EXPECT_EQ(mine().heard.closed.size(), 1U);
  EXPECT_TRUE(theirs().heard.closed.empty()) << "who closes knows it";
  theirs().tunnels.on_datagram(Packet{0, 0, 0x45});
  EXPECT_EQ(theirs().drops[Drop::unknown_tunnel], 1U);
}

TEST_F(TunnelsTest, ATunnelMayBeClosedWhileItsCapsulesAreRead) {
  class Closer final : public Listener<ServerEvents> {
   public:
    explicit Closer(quic::Connection& connection) : tunnels(connection, *this, drops) {}
    void on_request(StreamId stream, const IpRequest&) override { tunnels.accept(stream); }
    void on_path_description(StreamId, const PathDescription&) override {}
    void on_path_lost(StreamId, const std::string&) override {}
    void on_address_request(StreamId stream, const std::vector<AddressEntry>&) override {
      ++closed;
      tunnels.close(stream);
    }
    DropCounters drops;
    TunnelServer tunnels;
    unsigned closed = 0;
  };
  start_server();
  std::unique_ptr<Closer> closer;
  server().on_accept = [&](quic::AcceptedConnection& accepted) {
    accepted.user.begin_protocol = [&] { closer = std::make_unique<Closer>(accepted.connection()); };
  };
  quic::Client& end = dial();
  end.user.begin_protocol = [this, &end] { client_side_ = std::make_unique<ClientSide>(end, request_); };
  ASSERT_TRUE(network_.run(2s, [this] { return client_side_ && client_side_->open; }));
  const std::vector<AddressEntry> wanted = {{1, prefix("0.0.0.0/32")}};
  mine().tunnels.send_address_request(*mine().stream, wanted);
  mine().tunnels.send_address_request(*mine().stream, wanted);
  run(200ms);
  EXPECT_EQ(closer->closed, 1U) << "what comes after is for nobody";
  EXPECT_EQ(mine().heard.closed.size(), 1U);
  closer.reset();
}

TEST_F(TunnelsTest, SeveralRequestsShareAConnection) {
  ASSERT_TRUE(comes_up());
  const auto second = mine().tunnels.open(request_);
  ASSERT_TRUE(second);
  EXPECT_NE(second, mine().stream);
  mine().stream = second;
  mine().open = false;
  ASSERT_TRUE(network_.run(2s, [this] { return mine().open; }));
  EXPECT_EQ(theirs().asked.size(), 2U);
  theirs().tunnels.on_datagram(Packet{1, 0, 0x45});
  theirs().tunnels.on_datagram(Packet{0, 0, 0x46});
  EXPECT_EQ(theirs().heard.packets, (Packets{{0x45}, {0x46}}));
}

TEST_F(TunnelsTest, TheRestOfALostConnectionIsLeftAlone) {
  ASSERT_TRUE(comes_up());
  accepted()->close(h3_no_error, "the server stops");
  run(200ms);
  EXPECT_EQ(client()->state(), quic::ConnectionState::closed);
  mine().tunnels.close(*mine().stream);  // nothing to say any more, and nobody to say it to
}

}  // namespace
}  // namespace mpquic::masque
