#include <regex>

#include "certs/make.h"
#include "certs/revoke.h"
#include "certs/token.h"
#include "doctor/observe.h"
#include "doctor/scene.h"
#include "system/own_network.h"

namespace mpquic::doctor {
namespace {

using std::chrono::days;
using std::chrono::system_clock;

/// Real files, and the clock of this machine.
class CertificatesTest : public system::OwnNetwork {
 protected:
  Findings found(const config::Configuration& configuration) const {
    Findings findings;
    examine_certificates(configuration, observe(configuration), findings);
    return findings;
  }
  static void expect(const Findings& findings, const std::string& pattern, std::string_view mend = {}) {
    for (const Finding& finding : findings) {
      const std::string line = std::string(name(finding.severity)) + ": " + finding.what;
      if (std::regex_search(line, std::regex(pattern)) && finding.mend.find(mend) != std::string::npos) return;
    }
    ADD_FAILURE() << "nothing says " << pattern << " with " << mend << ":\n" << to_text(findings);
  }

  Scene scene_;
};

TEST_F(CertificatesTest, GoodOnesAreGood) {
  scene_.make_certificates(system_clock::now(), days(365));
  EXPECT_EQ(wrong(found(scene_.client())), std::vector<std::string>());
  EXPECT_EQ(wrong(found(scene_.server())), std::vector<std::string>());
  expect(found(scene_.client()), "ok: .*box1.pem is valid until");
}

TEST_F(CertificatesTest, ExpireSoon) {
  scene_.make_certificates(system_clock::now() - days(340), days(365));
  expect(found(scene_.client()), "warning: .*box1.pem expires on .*, in (24|25) days",
         "mpquic cert client box1 --renew");
  expect(found(scene_.server()), "warning: .*server.pem expires on", "mpquic cert server --renew");
  expect(found(scene_.server()), "warning: .*ca.pem expires on", "mpquic cert ca --renew");
}

TEST_F(CertificatesTest, HaveExpired) {
  scene_.make_certificates(system_clock::now() - days(400), days(365));
  expect(found(scene_.client()), "problem: .*box1.pem expired on ....-..-..; this machine's clock says", "--renew");
}

TEST_F(CertificatesTest, AreNotValidYetWhenTheClockIsOff) {
  scene_.make_certificates(system_clock::now() + days(100), days(365));
  expect(found(scene_.server()), "problem: .*server.pem is not valid before .*: the clock is probably off",
         "timedatectl");
}

TEST_F(CertificatesTest, AreMissing) {
  expect(found(scene_.client()), "problem: .*box1.pem: No such file or directory");
}

TEST_F(CertificatesTest, AreOfAnotherKey) {
  scene_.make_certificates(system_clock::now(), days(365));
  std::filesystem::copy_file(scene_.directory() / "server.key", scene_.directory() / "box1.key",
                             std::filesystem::copy_options::overwrite_existing);
  expect(found(scene_.client()), "problem: .*box1.key: this private key does not belong to .*box1.pem");
  std::filesystem::remove(scene_.directory() / "box1.key");
  expect(found(scene_.client()), "problem: .*box1.key: No such file");
}

TEST_F(CertificatesTest, AreOfAnAuthorityThatWasMadeAnew) {
  scene_.make_certificates(system_clock::now(), days(365));
  ASSERT_TRUE(
      certs::make_authority(scene_.directory(), "", {days(365), certs::Existing::replace, system_clock::now()}));
  expect(found(scene_.client()), "warning: .*box1.pem was signed by \"mpquic CA\", but not by the one in .*ca.pem");
}

TEST_F(CertificatesTest, AreMadeForTheOtherRole) {
  scene_.make_certificates(system_clock::now(), days(365));
  const auto copy = [&](const char* from, const char* to) {
    std::filesystem::copy_file(scene_.directory() / from, scene_.directory() / to,
                               std::filesystem::copy_options::overwrite_existing);
  };
  copy("server.pem", "box1.pem");
  copy("server.key", "box1.key");
  expect(found(scene_.client()), "problem: .*box1.pem is made for servers, not for clients");
}

TEST_F(CertificatesTest, OfAServerNameSomebody) {
  scene_.make_certificates(system_clock::now(), days(365));
  Observations seen = observe(scene_.server());
  auto& server = seen.certificates.back().file->certificates.front();
  const auto judged = [&] {
    Findings findings;
    examine_certificates(scene_.server(), seen, findings);
    return findings;
  };
  server.dns_names = {"vps.example.net"};
  expect(judged(), "ok: .*server.pem is not made out to mpquic-server", "server_name: vps.example.net");
  server.dns_names.clear();
  expect(judged(), "problem: .*server.pem names no server");
}

TEST_F(CertificatesTest, AreRevokedByAListThatMustBeGood) {
  scene_.make_certificates(system_clock::now(), days(365));
  const auto server = scene_.load(
      "role: server\nlisten: 127.0.0.1:45010\ncontrol: s.sock\n"
      "tls: {certificate: server.pem, key: server.key, client_ca: ca.pem, crl: crl.pem}\n"
      "tunnels: {mt: {address: 10.200.15.254/24}}\nclients: {box1: {prefixes: 10.200.15.1}}\n");
  expect(found(server), "problem: .*crl.pem: No such file", "mpquic cert revoke");
  const std::filesystem::path box1 = scene_.directory() / "box1.pem";
  certs::Options options{days(30), certs::Existing::refuse, system_clock::now() - days(31)};
  ASSERT_TRUE(certs::revoke(scene_.directory(), {&box1, 1}, options));
  expect(found(server), "warning: .*crl.pem: a newer revocation list was due on", "mpquic cert revoke");
  options.now = system_clock::now();
  ASSERT_TRUE(certs::revoke(scene_.directory(), {}, options));
  expect(found(server), "ok: .*crl.pem revokes 1");
  scene_.make_certificates(system_clock::now(), days(365));
  expect(found(server), "problem: .*crl.pem: not signed by an authority in .*ca.pem", "mpquic cert revoke");
}

TEST_F(CertificatesTest, MayHaveATokenBesidesThatMustBeGood) {
  scene_.make_certificates(system_clock::now(), days(365));
  const auto client = scene_.client("token: box1.token\n");
  expect(found(client), "problem: .*box1.token: No such file", "mpquic token new");
  ASSERT_TRUE(certs::make_token_file(scene_.directory(), "box1", false));
  EXPECT_EQ(wrong(found(client)), std::vector<std::string>());
  std::filesystem::permissions(scene_.directory() / "box1.token", std::filesystem::perms(0640));
  expect(found(client), "problem: .*box1.token: a token that others than its owner may open", "chmod 600");
}

TEST_F(CertificatesTest, VerifyingNobodyIsWarnedOf) {
  const auto trusting = scene_.load(
      "role: client\nserver: 192.0.2.10:45010\ntls: {insecure_skip_verify: true}\nlinks: {wan1: {interface: eth7}}\n"
      "tunnels: {cr: {links: [wan1], address: 10.200.15.1/24}}\n");
  expect(found(trusting), "warning: insecure_skip_verify is on", "ca: FILE");
}

}  // namespace
}  // namespace mpquic::doctor
