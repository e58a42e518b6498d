#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

using HandshakeTest = ConnectionTest;

TEST_F(HandshakeTest, BothEndsAreEstablishedWithinTwoRoundTrips) {
  start_server();
  dial();
  EXPECT_EQ(client()->state(), ConnectionState::handshaking);
  EXPECT_EQ(client()->max_datagram_size(), 0U);
  EXPECT_TRUE(network_.run(40ms, [this] { return client().user.established; }));
  EXPECT_EQ(client()->state(), ConnectionState::established);
  EXPECT_EQ(accepted()->state(), ConnectionState::established);
  EXPECT_EQ(accepted()->peer_name(), "box1");
  EXPECT_EQ(accepted()->remote(), client()->local());
  EXPECT_EQ(client()->remote(), accepted()->local());
  EXPECT_GE(client()->max_datagram_size(), 1100U);
  EXPECT_EQ(server().endpoint.half_open(), 0U);
}

TEST_F(HandshakeTest, CarriesDatagramsTheMomentItIsEstablished) {
  start_server();
  dial();
  client().user.send(datagram(4));
  EXPECT_TRUE(network_.run(60ms, [this] { return !server().accepted.empty() && !accepted().user.received.empty(); }));
}

TEST_F(HandshakeTest, SurvivesLossAndReordering) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Network lossy(seed);
    lossy.up.conditions = lossy.down.conditions = {.jitter = 20ms, .loss = 0.2};
    lossy.start_server(server_settings_);
    Client& one = lossy.add_client(transport_, *client_tls_);
    EXPECT_TRUE(lossy.run(5s, [&] { return one.user.established; })) << one->close_reason();
  }
}

TEST_F(HandshakeTest, IsGivenUpWhenNobodyAnswers) {
  dial();
  EXPECT_FALSE(network_.run(4900ms, [this] { return client()->state() == ConnectionState::closed; }));
  run(200ms);
  EXPECT_EQ(client()->state(), ConnectionState::closed);
  EXPECT_EQ(client()->close_cause(), CloseCause::handshake_timeout);
  EXPECT_EQ(client()->close_reason(), "no answer");
  EXPECT_EQ(client()->deadline(), never);
}

TEST_F(HandshakeTest, IsGivenUpByTheServerWhenTheClientFallsSilent) {
  start_server();
  dial();
  ASSERT_TRUE(network_.run(1s, [this] { return !server().accepted.empty(); }));
  network_.up.conditions.loss = network_.down.conditions.loss = 1;
  EXPECT_EQ(server().endpoint.half_open(), 1U);
  run(6s);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::handshake_timeout);
  server().accepted.clear();
  EXPECT_EQ(server().endpoint.half_open(), 0U);
}

TEST_F(HandshakeTest, AClientWithoutACertificateIsNamelessWhereTheServerAsksForNone) {
  server_settings_.tls = tls({.certificate = certificates().server().certificate,
                              .key = certificates().server().key,
                              .ca = {},
                              .server_name = {}});
  client_tls_ = tls({.certificate = {}, .key = {}, .ca = certificates().client().ca, .server_name = "mpquic-server"});
  connect();
  EXPECT_EQ(accepted()->peer_name(), std::nullopt);
}

TEST_F(HandshakeTest, AServerIsAlsoKnownByItsOtherNames) {
  TlsSettings settings = certificates().client();
  settings.server_name = "vps.example.net";
  client_tls_ = tls(settings);
  connect();
}

TEST_F(HandshakeTest, AClientThatVerifiesNothingTakesAnyServer) {
  TlsSettings settings = certificates().client();
  settings.ca.clear();
  settings.server_name = "elsewhere.example";
  client_tls_ = tls(settings);
  connect();
}

/// What does not suit one end, and what both ends say about it.
struct Refusal {
  const char* what;
  void (*change)(TlsSettings& client, TlsSettings& server, const Certificates&, TransportSettings& transport);
  const char* client_says;
  const char* server_says;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.what; }

class RefusalTest : public ConnectionTest, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, IsToldToBothEndsInWordsThatHelp) {
  TlsSettings client_settings = certificates().client(), server_settings = certificates().server();
  GetParam().change(client_settings, server_settings, certificates(), transport_);
  client_tls_ = tls(client_settings);
  server_settings_.tls = tls(server_settings);
  start_server();
  dial();
  EXPECT_TRUE(network_.run(1s, [this] {
    return client()->state() == ConnectionState::closed && !server().accepted.empty() &&
           accepted()->state() == ConnectionState::closed;
  })) << "both know at once, nobody waits for a time out";
  EXPECT_FALSE(client().user.established) << "a client is connected when the server has verified it";
  EXPECT_EQ(client()->close_cause(), CloseCause::refused);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::refused);
  EXPECT_NE(client()->close_reason().find(GetParam().client_says), std::string::npos) << client()->close_reason();
  EXPECT_NE(accepted()->close_reason().find(GetParam().server_says), std::string::npos) << accepted()->close_reason();
  EXPECT_EQ(client()->close_reason().find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Of, RefusalTest,
    testing::Values(Refusal{"AServerOfAnotherAuthority",
                            [](TlsSettings&, TlsSettings& server, const Certificates& files, TransportSettings&) {
                              server.certificate = files.others() / "server.pem";
                              server.key = files.others() / "server.key";
                            },
                            "issuer is unknown", "the other end refused us"},
                    Refusal{"AServerOfAnotherName",
                            [](TlsSettings& client, TlsSettings&, const Certificates&, TransportSettings&) {
                              client.server_name = "elsewhere.example";
                            },
                            "name in the certificate does not match", "the other end refused us"},
                    Refusal{"AClientOfAnotherAuthority",
                            [](TlsSettings& client, TlsSettings&, const Certificates& files, TransportSettings&) {
                              client.certificate = files.others() / "box1.pem";
                              client.key = files.others() / "box1.key";
                            },
                            "the other end refused us", "issuer is unknown"},
                    Refusal{"AClientWithoutACertificate",
                            [](TlsSettings& client, TlsSettings&, const Certificates&, TransportSettings&) {
                              client.certificate.clear();
                              client.key.clear();
                            },
                            "the other end refused us: Certificate is required", "ertificate is required"},
                    Refusal{"AClientThatShowsAServersCertificate",
                            [](TlsSettings& client, TlsSettings& server, const Certificates&, TransportSettings&) {
                              client.certificate = server.certificate;
                              client.key = server.key;
                            },
                            "the other end refused us", "certificate"},
                    Refusal{"AProtocolThatTheServerDoesNotSpeak",
                            [](TlsSettings&, TlsSettings&, const Certificates&, TransportSettings& transport) {
                              transport.alpn = {"h3"};
                            },
                            "pplication protocol", "pplication protocol"}),
    [](const auto& refusal) { return std::string(refusal.param.what); });

}  // namespace
}  // namespace mpquic::quic
