#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "masque/error_codes.h"
#include "masque/tunnel_client.h"
#include "masque/tunnel_server.h"
#include "quic/connection_fixture.h"

namespace mpquic::masque {
namespace {

using namespace std::chrono_literals;
using packet::Address;
using packet::Prefix;
using Packet = std::vector<std::uint8_t>;
using Packets = std::vector<Packet>;

/// What one end has heard, in words and values.
struct Heard {
  std::vector<AddressEntry> requests, addresses;
  std::vector<AddressRange> routes;
  std::vector<Address> dns_servers;
  std::vector<Packet> packets;
  std::vector<std::string> closed;
};

template <class Events>
class Listener : public Events {
 public:
  virtual ~Listener() = default;
  void on_address_request(StreamId, const std::vector<AddressEntry>& requests) override { heard.requests = requests; }
  void on_addresses(StreamId, const std::vector<AddressEntry>& addresses) override { heard.addresses = addresses; }
  void on_routes(StreamId, const std::vector<AddressRange>& ranges) override { heard.routes = ranges; }
  void on_dns_servers(StreamId, const std::vector<Address>& servers) override { heard.dns_servers = servers; }
  void on_packet(StreamId, Bytes packet) override { heard.packets.emplace_back(packet.begin(), packet.end()); }
  void on_closed(StreamId, std::uint64_t, const std::string& reason) override { heard.closed.push_back(reason); }

  Heard heard;
};

class ClientSide final : public Listener<ClientEvents> {
 public:
  ClientSide(quic::Client& end, const IpRequest& request)
      : tunnels(end.connection(), *this, drops), end_(end), request_(request) {}
  void on_ready() override { stream = tunnels.open(request_); }
  void on_accepted(StreamId accepted) override {
    EXPECT_EQ(accepted, stream);
    const Bytes prefix = tunnels.prefix(accepted);
    end_.user.datagram_prefix.assign(prefix.begin(), prefix.end());
    open = true;
  }

  DropCounters drops;
  TunnelClient tunnels;
  std::optional<StreamId> stream;
  bool open = false;

 private:
  quic::Client& end_;
  IpRequest request_;
};

class ServerSide final : public Listener<ServerEvents> {
 public:
  explicit ServerSide(quic::Connection& connection) : tunnels(connection, *this, drops) {}
  void on_request(StreamId stream, const IpRequest& request) override {
    asked[stream] = request;
    if (refusal)
      tunnels.refuse(stream, *refusal);
    else if (accepts)
      tunnels.accept(stream);
  }

  DropCounters drops;
  TunnelServer tunnels;
  std::map<StreamId, IpRequest> asked;
  std::optional<Refusal> refusal;
  bool accepts = true;
};

/// A client and a server of CONNECT-IP over real QUIC connections, 20 ms apart.
class TunnelsTest : public quic::ConnectionTest {
 protected:
  TunnelsTest() { transport_.streams = server_settings_.transport.streams = true; }

  void begin() {
    start_server();
    server().on_accept = [this](quic::AcceptedConnection& accepted) {
      accepted.user.begin_protocol = [this, &accepted] {
        server_side_ = std::make_unique<ServerSide>(accepted.connection());
        server_side_->refusal = refusal_;
        server_side_->accepts = accepts_;
      };
    };
    quic::Client& end = dial();
    end.user.begin_protocol = [this, &end] { client_side_ = std::make_unique<ClientSide>(end, request_); };
  }
  bool comes_up() {
    begin();
    return network_.run(2s, [this] { return client_side_ && client_side_->open; });
  }
  ClientSide& mine() { return *client_side_; }
  ServerSide& theirs() { return *server_side_; }
  /// QUIC's datagrams, as the daemon hands them on.
  void hand_on_datagrams() {
    for (const auto& datagram : std::exchange(client().user.received, {})) mine().tunnels.on_datagram(datagram);
    for (const auto& datagram : std::exchange(accepted().user.received, {})) theirs().tunnels.on_datagram(datagram);
  }

  IpRequest request_{"198.51.100.1:45010", {}, std::nullopt, "cr5"};
  std::optional<Refusal> refusal_;
  bool accepts_ = true;
  std::unique_ptr<ClientSide> client_side_;
  std::unique_ptr<ServerSide> server_side_;
};

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
  ASSERT_EQ(mine().heard.closed.size(), 1U);
  EXPECT_NE(mine().heard.closed.front().find("403"), std::string::npos) << mine().heard.closed.front();
  EXPECT_NE(mine().heard.closed.front().find("no client named"), std::string::npos) << mine().heard.closed.front();
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

/// A client that says whatever the test wants.
class RawClient final : public Http3Owner {
 public:
  RawClient(quic::Connection& connection, std::vector<Header> request, Packet content)
      : http_(Http3::begin(Http3::Role::client, connection, *this)),
        request_(std::move(request)),
        content_(std::move(content)) {}
  void on_settings(const PeerSettings& settings) override {
    EXPECT_TRUE(settings.extended_connect);
    EXPECT_TRUE(settings.datagrams);
    stream_ = http_->request(request_);
    if (!content_.empty()) http_->send(*stream_, content_);
  }
  void on_headers(StreamId, const std::vector<Header>& headers) override { answer = headers.front().value; }
  void on_content(StreamId, Bytes) override {}
  void on_content_end(StreamId) override { ended = true; }
  void on_broken(StreamId) override { broken = true; }
  void on_request_closed(StreamId) override {}

  std::string answer;  ///< its :status
  bool ended = false, broken = false;

 private:
  std::unique_ptr<Http3> http_;
  std::vector<Header> request_;
  Packet content_;
  std::optional<StreamId> stream_;
};

class RawRequestTest : public TunnelsTest {
 protected:
  void ask(const std::vector<Header>& request, const Packet& content = {}) {
    begin();
    quic::Client& end = client();
    end.user.begin_protocol = [this, &end, request, content] {
      raw_ = std::make_unique<RawClient>(end.connection(), request, content);
    };
    run(500ms);
    ASSERT_NE(raw_, nullptr);
  }
  std::vector<Header> good() const { return write_request(request_); }

  std::unique_ptr<RawClient> raw_;
};

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
