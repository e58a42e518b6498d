// Who is let in over which protocol, and who has to go.

#include <gnutls/gnutls.h>

#include <fstream>
#include <iterator>

#include "quic/connection_fixture.h"

namespace mpquic::quic {
namespace {

const std::vector<std::string> both = {"h3", "mpquic-ip"};

class IdentityTest : public ConnectionTest {
 protected:
  void serve(const TlsSettings& settings) {
    server_settings_.transport.alpn = both;
    server_settings_.tls = tls(settings);
    start_server();
  }
  void offer(std::vector<std::string> alpn) { transport_.alpn = std::move(alpn); }
  /// nullptr: none.
  void show(const char* name, const std::filesystem::path& directory = certificates().ours()) {
    TlsSettings settings = certificates().client();
    settings.certificate = name ? directory / (std::string(name) + ".pem") : "";
    settings.key = name ? directory / (std::string(name) + ".key") : "";
    client_tls_ = tls(settings);
  }
  /// Whether the newest client is let in; if not, both ends know.
  bool let_in() {
    dial();
    const std::size_t before = server().accepted.size();
    const bool decided = network_.run(2s, [&] {
      return client().user.established ||
             (client()->state() == ConnectionState::closed && server().accepted.size() > before &&
              accepted()->state() == ConnectionState::closed);
    });
    EXPECT_TRUE(decided);
    return client().user.established;
  }
  static std::filesystem::path joined(const char* name, const std::filesystem::path& one,
                                      const std::filesystem::path& other) {
    const auto path = certificates().ours() / name;
    std::ofstream out(path);
    for (const auto& part : {one, other}) {
      std::ifstream in(part);
      out << std::string(std::istreambuf_iterator<char>(in), {});
    }
    return path;
  }

  TlsSettings settings_ = certificates().server();
  const std::filesystem::path list_ = certificates().ours() / "crl.pem";
};

TEST_F(IdentityTest, TheServersBestProtocolIsTakenOfThoseOffered) {
  serve(settings_);
  const struct {
    std::vector<std::string> offered;
    std::string taken;
  } table[] = {{{"mpquic-ip"}, "mpquic-ip"},
               {{"h3"}, "h3"},
               {{"mpquic-ip", "h3"}, "h3"},
               {{"h3", "mpquic-ip"}, "h3"},
               {{"h2", "mpquic-ip", "smtp"}, "mpquic-ip"}};
  for (const auto& row : table) {
    offer(row.offered);
    dial();
    EXPECT_EQ(client()->alpn(), "");
    EXPECT_TRUE(network_.run(2s, [this] { return client().user.established; })) << client()->close_reason();
    EXPECT_EQ(client()->alpn(), row.taken);
    EXPECT_EQ(accepted()->alpn(), row.taken);
  }
}

// RFC 9001, 8.1.
TEST_F(IdentityTest, WithoutACommonProtocolThereIsNoConnection) {
  serve(settings_);
  for (const std::vector<std::string>& offered : {std::vector<std::string>{}, {"h2"}, {"h3-29", "mpquic"}}) {
    offer(offered);
    EXPECT_FALSE(let_in());
    EXPECT_EQ(client()->close_reason(),
              "the other end refused us: No supported application protocol could be negotiated");
    EXPECT_EQ(accepted()->close_cause(), CloseCause::refused);
  }
}

/// What a client may show, and what the server says to it; nothing: it is good.
struct Shown {
  const char* what;
  const char* name;  ///< nullptr: no certificate
  bool foreign;      ///< of the other authority
  const char* server_says;
};

constexpr Shown nothing{"Nothing", nullptr, false, "ertificate is required"};
constexpr Shown good{"ItsCertificate", "box1", false, nullptr};
constexpr Shown shown[] = {nothing,
                           good,
                           {"OneOfAnotherAuthority", "box1", true, "issuer is unknown"},
                           {"OneThatIsRevoked", "box2", false, "certificate chain is revoked"},
                           {"OneThatHasExpired", "old", false, "expired certificate"},
                           {"AServers", "server", false, "purpose"}};

void PrintTo(const Shown& one, std::ostream* out) { *out << one.what; }

using Case = std::tuple<bool, std::string, Shown>;  ///< with tokens?, protocol

class ShownTest : public IdentityTest, public testing::WithParamInterface<Case> {};

TEST_P(ShownTest, DecidesWhoIsLetIn) {
  const auto& [tokens, alpn, one] = GetParam();
  certs::Options past{.valid = std::chrono::days(1), .existing = certs::Existing::replace, .now = {}};
  past.now = std::chrono::system_clock::now() - std::chrono::days(2);
  must(certs::make_client(certificates().ours(), "old", past));
  settings_.crl = list_;
  settings_.h3_without_certificate = tokens;
  serve(settings_);
  offer({alpn});
  show(one.name, one.foreign ? certificates().others() : certificates().ours());

  const bool may_do_without = one.name == nullptr && tokens && alpn == "h3";
  if (one.server_says == nullptr || may_do_without) {
    ASSERT_TRUE(let_in()) << client()->close_reason();
    EXPECT_EQ(accepted()->peer_name(), one.name ? std::optional<std::string>(one.name) : std::nullopt);
    EXPECT_EQ(accepted()->distrust(*server_settings_.tls), "");
    return;
  }
  EXPECT_FALSE(let_in());
  EXPECT_EQ(client()->close_cause(), CloseCause::refused);
  EXPECT_EQ(accepted()->close_cause(), CloseCause::refused);
  EXPECT_TRUE(client()->close_reason().starts_with("the other end refused us: ")) << client()->close_reason();
  EXPECT_NE(accepted()->close_reason().find(one.server_says), std::string::npos) << accepted()->close_reason();
  EXPECT_EQ(accepted()->close_reason().find('\n'), std::string::npos) << accepted()->close_reason();
}

std::string name_of(const testing::TestParamInfo<Case>& each) {
  const auto& [tokens, alpn, one] = each.param;
  return std::string(one.what) + (alpn == "h3" ? "OverH3" : "OverMpquicIp") + (tokens ? "WithTokens" : "");
}

INSTANTIATE_TEST_SUITE_P(Of, ShownTest,
                         testing::Combine(testing::Bool(), testing::Values("mpquic-ip", "h3"),
                                          testing::ValuesIn(shown)),
                         name_of);

TEST_F(IdentityTest, WithoutAnAuthorityNobodyIsAskedForACertificate) {
  settings_.ca.clear();
  settings_.h3_without_certificate = true;
  serve(settings_);
  for (const char* name : {static_cast<const char*>(nullptr), "box1", "box2"}) {
    show(name);
    offer({"h3"});
    ASSERT_TRUE(let_in()) << client()->close_reason();
    EXPECT_EQ(accepted()->peer_name(), std::nullopt);
  }
}

TEST_F(IdentityTest, TheListsOfTwoAuthoritiesOfOneNameBothCount) {
  settings_.ca = joined("cas.pem", certificates().ours() / "ca.pem", certificates().others() / "ca.pem");
  settings_.crl = joined("crls.pem", list_, certificates().others() / "crl.pem");
  serve(settings_);
  for (const auto& directory : {certificates().ours(), certificates().others()}) {
    show("box1", directory);
    EXPECT_TRUE(let_in()) << client()->close_reason();
    show("box2", directory);
    EXPECT_FALSE(let_in());
    EXPECT_NE(accepted()->close_reason().find("revoked"), std::string::npos) << accepted()->close_reason();
  }
}

TEST_F(IdentityTest, FilesThatSayWhomToTrustMustHoldIt) {
  const auto refusal = [](const TlsSettings& settings) {
    const auto loaded = TlsContext::load(settings);
    return loaded ? "(no error)" : loaded.error().message;
  };
  settings_.crl = certificates().ours() / "missing.pem";
  EXPECT_TRUE(refusal(settings_).starts_with(settings_.crl.string() + ": ")) << refusal(settings_);
  settings_.crl = certificates().ours() / "ca.pem";
  EXPECT_TRUE(refusal(settings_).starts_with(settings_.crl.string() + ": ")) << refusal(settings_);
  settings_.crl.clear();
  settings_.ca = certificates().ours() / "missing.pem";
  EXPECT_TRUE(refusal(settings_).starts_with(settings_.ca.string() + ": ")) << refusal(settings_);
  settings_.ca = list_;
  EXPECT_TRUE(refusal(settings_).starts_with(settings_.ca.string() + ": ")) << refusal(settings_);
}

/// Connections that stand, held against other credentials.
class DistrustTest : public IdentityTest {
 protected:
  void connect_as(const char* name) {
    settings_.h3_without_certificate = true;
    serve(settings_);
    offer({"h3"});
    show(name);
    ASSERT_TRUE(let_in()) << client()->close_reason();
  }
  std::string distrust(const std::filesystem::path& ca, const std::filesystem::path& crl) {
    TlsSettings next = settings_;
    next.ca = ca;
    next.crl = crl;
    return accepted()->distrust(*tls(next));
  }

  const std::filesystem::path ours_ = certificates().ours() / "ca.pem";
  const std::filesystem::path others_ = certificates().others() / "ca.pem";
};

TEST_F(DistrustTest, FallsOnARevokedCertificate) {
  connect_as("box2");
  EXPECT_EQ(distrust(ours_, {}), "");
  EXPECT_EQ(distrust(ours_, list_), "The certificate is NOT trusted. The certificate chain is revoked");
  EXPECT_EQ(accepted()->state(), ConnectionState::established) << "to end it is the caller's business";
}

TEST_F(DistrustTest, FallsOnTheCertificatesOfAnAuthorityThatIsGone) {
  connect_as("box1");
  EXPECT_NE(distrust(others_, {}).find("certificate issuer is unknown"), std::string::npos) << distrust(others_, {});
  EXPECT_EQ(distrust({}, {}), "no certificate is trusted any more");
}

TEST_F(DistrustTest, DoesNotFallOnOthers) {
  connect_as("box1");
  EXPECT_EQ(distrust(ours_, list_), "");
  EXPECT_EQ(distrust(joined("cas.pem", others_, ours_), list_), "");
}

TEST_F(DistrustTest, DoesNotFallOnWhoHasShownNothing) {
  connect_as(nullptr);
  EXPECT_EQ(distrust(ours_, list_), "");
  EXPECT_EQ(distrust(others_, {}), "");
  EXPECT_EQ(distrust({}, {}), "");
}

TEST_F(DistrustTest, DoesNotFallOnACertificateThatHasExpiredMeanwhile) {
  connect_as("box1");
  const auto changed = certificates().ours() / "cas.pem";
  joined("cas.pem", others_, ours_);
  gnutls_global_set_time_function([](std::time_t* now) {
    const std::time_t later = std::time(nullptr) + 4 * 365 * 86400;
    if (now != nullptr) *now = later;
    return later;
  });
  EXPECT_EQ(distrust(changed, list_), "");
  show("box1");
  TlsSettings blind = certificates().client();
  blind.ca.clear();  // the server's has expired as well
  client_tls_ = tls(blind);
  EXPECT_FALSE(let_in()) << "a new connection is another matter";
  EXPECT_NE(accepted()->close_reason().find("expired"), std::string::npos) << accepted()->close_reason();
  gnutls_global_set_time_function(std::time);
}

}  // namespace
}  // namespace mpquic::quic
