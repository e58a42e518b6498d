// Tokens and revocation lists.

#include <sys/stat.h>

#include <array>

#include "certs/revoke.h"
#include "certs/token.h"
#include "config/describe.h"
#include "config/loading.h"
#include "config/reload.h"

namespace mpquic::config {
namespace {

const std::string one_tunnel = "tunnels: {mt5: {address: 10.200.15.254/24}}\n";  // line 4

/// A server with this in its tls (line 3) and these clients (line 5).
std::string server(const std::string& tls, const std::string& clients) {
  return "role: server\nlisten: 0.0.0.0:45010\ntls: {certificate: tls/server.pem, key: tls/server.key" + tls + "}\n" +
         one_tunnel + "clients: {" + clients + "}\n";
}

const std::string with_ca = ", client_ca: tls/ca.pem";
const std::string hash = certs::hash_of_token("one");
const std::string other_hash = certs::hash_of_token("another");

std::string client_with(const std::string& name, const std::string& prefix, const std::string& token) {
  return name + ": {prefixes: " + prefix + ", token: \"" + token + "\"}";
}

using TokenHashes = Loading;

TEST_F(TokenHashes, SayWhoAClientIs) {
  const Configuration loaded =
      good(server(with_ca, client_with("box1", "10.0.0.1", hash) + ", box2: {prefixes: 10.0.0.2}"));
  const ServerConfig& node = *loaded.server();
  EXPECT_TRUE(node.knows_tokens());
  EXPECT_EQ(node.clients[0].token->value, hash);
  EXPECT_EQ(node.clients[1].token, std::nullopt);
  EXPECT_FALSE(good(server(with_ca, "box2: {prefixes: 10.0.0.2}")).server()->knows_tokens());
  EXPECT_EQ(warnings(server(with_ca, client_with("box1", "10.0.0.1", hash))), Lines{});
}

TEST_F(TokenHashes, AreHashesAndNotTokensOfOneClientEach) {
  const std::string no_hash =
      "token: this is not \"sha256:\" with 64 hexadecimal digits behind it, as mpquic token new shows it";
  const struct {
    std::string text;
    Lines errors;
  } table[] = {
      {server(with_ca, client_with("a", "10.0.0.1", "sha256:12")), {"5:42: " + no_hash}},
      {server(with_ca, client_with("a", "10.0.0.1", "hK2-6Vrkd0VYwH2eyD6nIQ5jBkQ2pvXK3WcPz5kXzQo")),
       {"5:42: " + no_hash}},
      {server("", "a: {prefixes: 10.0.0.1, token: [x, y]}"),
       {"5:42: token: a single value must stand here, not a list"}},
      {server(with_ca, client_with("a", "10.0.0.1", hash) + ",\n " + client_with("b", "10.0.0.2", hash)),
       {"6:33: client \"a\" (line 5) has this token"}},
      {server(with_ca, client_with("'*'", "10.0.0.1", hash)),
       {"5:44: a token is one client's, and \"*\" is everybody"}},
      {server(with_ca, "a: {prefixes: 10.0.0.1}") + "token: a.token\n",
       {"6:1: \"token\" belongs to a client (role: client)"}},
  };
  for (const auto& row : table) EXPECT_EQ(errors(row.text), row.errors) << row.text;
}

TEST_F(TokenHashes, MakeDoWithoutAnAuthorityWhereEveryClientHasOne) {
  const std::string all = client_with("a", "10.0.0.1", hash) + ", " + client_with("b", "10.0.0.2", other_hash);
  EXPECT_EQ(good(server("", all)).server()->tls.client_ca, std::nullopt);
  EXPECT_EQ(warnings(server("", all)),
            Lines{"4:11: nobody gets into tunnel \"mt5\" over mpquic-ip, which knows no tokens: tls has no client_ca"});
  EXPECT_EQ(errors(server("", "b: {prefixes: 10.0.0.2}, " + client_with("a", "10.0.0.1", hash))),
            Lines{"5:11: client \"b\" can't prove who it is: it has no token, and tls has no client_ca"});
  EXPECT_EQ(errors(server("", "b: {prefixes: 10.0.0.2}")), Lines{"3:1: tls lacks the key \"client_ca\""});
}

TEST_F(TokenHashes, ArePreferredToBeingAnybodyOnAnOpenServer) {
  EXPECT_EQ(
      warnings(server(", client_auth: none", "'*': {prefixes: 10.9.0.0/16}, " + client_with("a", "10.0.0.1", hash))),
      Lines{});
}

TEST_F(TokenHashes, ComeAndGoAsTheServerRuns) {
  const Configuration before = good(server(with_ca, "a: {prefixes: 10.0.0.1}"));
  const Configuration after = good(server("", client_with("a", "10.0.0.1", hash)));
  EXPECT_TRUE(needs_restart(before, after).empty());
  EXPECT_TRUE(needs_restart(after, before).empty());
}

TEST_F(TokenHashes, AreDescribedWithoutBeingShown) {
  const auto said = [](const std::string& tls) {
    const std::string text = describe(good(server(tls, client_with("a", "10.0.0.1", hash))));
    EXPECT_EQ(text.find("sha256"), std::string::npos) << text;
    return text;
  };
  EXPECT_NE(said("").find("  clients must have a token\n"), std::string::npos) << said("");
  EXPECT_NE(said(with_ca).find("tls/ca.pem, or have a token\n"), std::string::npos) << said(with_ca);
}

class TokenFiles : public Loading {
 protected:
  static std::string client(const std::string& more) {
    return client_start + "links: {wan5: {interface: enp7s7}}\n" +
           "tunnels: {cr5: {links: [wan5], address: 10.200.15.1/24}}\n" + more;
  }
  /// One with a good token in it.
  static void make(const std::string& name, mode_t mode) {
    ASSERT_EQ(::chmod(write(name, certs::make_token().value() + "\n").c_str(), mode), 0);
  }
};

TEST_F(TokenFiles, AreNamedRelativeToTheConfiguration) {
  make("box1.token", 0600);
  const Configuration loaded = good(client("token: box1.token\n"));
  EXPECT_EQ(loaded.client()->token->value, folder_ / "box1.token");
  EXPECT_NE(describe(loaded).find("  shows the token in " + (folder_ / "box1.token").string() + "\n"),
            std::string::npos);
  EXPECT_EQ(describe(loaded).find("shows no certificate"), std::string::npos);
  EXPECT_TRUE(needs_restart(loaded, good(client(""))).empty());
}

TEST_F(TokenFiles, MustHoldATokenThatNobodyElseCanRead) {
  make("open.token", 0640);
  make("box1.token", 0600);
  ASSERT_EQ(::chmod(write("short.token", "secret\n").c_str(), 0600), 0);
  ASSERT_EQ(::chmod(write("two.token", "one two\n").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((folder_ / "fifo.token").c_str(), 0600), 0);
  const std::pair<std::string, std::string> rows[] = {
      {"missing.token", "6:8: missing.token: No such file or directory"},
      {"tls", "6:8: tls is not a regular file"},
      {"fifo.token", "6:8: fifo.token is not a regular file"},
      {"''", "6:8: token: a file name is missing"},
      {"open.token",
       "6:8: open.token: a token that others than its owner may open, mode 0640 (did you mean chmod 600?)"},
      {"short.token", "6:8: short.token: a token of less than 128 bits could be guessed (mpquic token new makes one)"},
      {"two.token", "6:8: two.token: no token: one line of letters, digits and any of -._~+/"},
  };
  for (const auto& [name, error] : rows) EXPECT_EQ(errors(client("token: " + name + "\n")), Lines{error});
}

class RevocationLists : public Loading {
 protected:
  static void SetUpTestSuite() {
    Loading::SetUpTestSuite();
    certs::Options options{std::chrono::days(30), certs::Existing::refuse, today};
    ASSERT_TRUE(certs::revoke(folder_ / "tls", std::array{folder_ / "tls/box1.pem"}, options));
    ASSERT_TRUE(certs::make_authority(folder_ / "other", "", options));
    ASSERT_TRUE(certs::revoke(folder_ / "other", {}, options));
  }
  static std::string with_list(const std::string& list, const std::string& tls = with_ca) {
    return server(tls + ", crl: " + list, "a: {prefixes: 10.0.0.1}");
  }
};

TEST_F(RevocationLists, AreTheAuthoritys) {
  const Configuration loaded = good(with_list("tls/crl.pem"));
  EXPECT_EQ(loaded.server()->tls.crl->value, folder_ / "tls/crl.pem");
  EXPECT_NE(describe(loaded).find("  certificates are revoked by " + (folder_ / "tls/crl.pem").string() + "\n"),
            std::string::npos);
  EXPECT_EQ(warnings(with_list("tls/crl.pem")), Lines{});
  EXPECT_TRUE(needs_restart(loaded, good(server(with_ca, "a: {prefixes: 10.0.0.1}"))).empty());
}

TEST_F(RevocationLists, MustBeThereAndGood) {
  write("garbage.pem", "-----BEGIN X509 CRL-----\nbm8=\n-----END X509 CRL-----\n");
  const std::pair<std::string, std::string> rows[] = {
      {"missing.pem", "3:85: missing.pem: No such file or directory"},
      {"tls", "3:85: tls is not a regular file"},
      {"tls/ca.pem", "3:85: tls/ca.pem: holds a certificate, not a revocation list"},
      {"other/crl.pem", "3:85: other/crl.pem: not signed by an authority in tls/ca.pem"},
  };
  for (const auto& [name, error] : rows) EXPECT_EQ(errors(with_list(name)), Lines{error});
  EXPECT_TRUE(errors(with_list("garbage.pem")).front().starts_with("3:85: garbage.pem: damaged revocation list: "));
}

TEST_F(RevocationLists, ThatAreOutOfDateStillCount) {
  const auto late = load_here(with_list("tls/crl.pem"), today + std::chrono::days(31));
  ASSERT_TRUE(late);
  ASSERT_EQ(late->warnings.size(), 1u);
  EXPECT_EQ(late->warnings[0].text,
            (folder_ / "tls/crl.pem").string() + ": a newer revocation list was due on 2026-07-01");
}

TEST_F(RevocationLists, GoWithAnAuthority) {
  EXPECT_EQ(errors(server(", crl: tls/crl.pem", client_with("a", "10.0.0.1", hash))),
            Lines{"3:62: crl without client_ca, whose certificates it would revoke"});
  EXPECT_EQ(warnings(server(", client_auth: none, crl: tls/crl.pem", "'*': {prefixes: 10.0.0.1}")),
            Lines{"3:81: crl has no effect with client_auth: none"});
  EXPECT_EQ(errors("role: client\nserver: 192.0.2.1:45010\ntls: {ca: tls/ca.pem, crl: tls/crl.pem}\n"
                   "links: {wan5: {interface: enp7s7}}\n"
                   "tunnels: {cr5: {links: [wan5], address: 10.200.15.1/24}}\n"),
            Lines{"3:23: \"crl\" belongs to a server (role: server)"});
}

}  // namespace
}  // namespace mpquic::config
