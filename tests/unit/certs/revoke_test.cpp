#include "certs/revoke.h"

#include <gnutls/x509.h>

#include <thread>

#include "certs/crl.h"
#include "certs/inspect.h"
#include "certs/issue.h"
#include "certs/revocations.h"
#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::system_clock;

const system_clock::time_point new_year = sys_days(2026y / 1 / 1) + 12h;

class Revocation : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(make_authority(directory_.path(), "Example CA", options_));
    for (const char* name : {"box1", "box2", "box3"}) ASSERT_TRUE(make_client(directory_.path(), name, options_));
  }

  std::filesystem::path certificate(const std::string& name) const { return directory_ / (name + ".pem"); }
  std::string serial(const std::string& name) const {
    return load_certificate(certificate(name)).value().first().serial;
  }
  Result<Revoked> put_on_list(std::vector<std::filesystem::path> files) const {
    return revoke(directory_.path(), files, options_);
  }
  RevocationList list() const {
    const auto file = load_revocations(list_);
    EXPECT_TRUE(file) << message(file);
    EXPECT_EQ(file->lists.size(), 1u);
    return file->lists.front();
  }
  std::vector<std::string> revoked() const {
    std::vector<std::string> serials;
    for (const auto& entry : list().revoked) serials.push_back(entry.serial);
    return serials;
  }

  TemporaryDirectory directory_;
  const std::filesystem::path list_ = directory_ / "crl.pem";
  Options options_{.valid = {}, .existing = Existing::refuse, .now = new_year};
};

using Serials = std::vector<std::string>;

TEST_F(Revocation, MakesAListThatItsAuthorityHasSigned) {
  const auto made = put_on_list({certificate("box1")});
  ASSERT_TRUE(made) << message(made);
  EXPECT_EQ(made->list, list_);
  EXPECT_EQ(made->added, 1u);
  EXPECT_EQ(mode(list_), 0644u);
  EXPECT_EQ(revoked(), Serials{serial("box1")});
  EXPECT_EQ(list().issuer, "Example CA");
  EXPECT_EQ(list().number, "1");
  EXPECT_EQ(list().issued, new_year);
  EXPECT_EQ(list().revoked.front().since, new_year);
  EXPECT_EQ(list().next, load_certificate(certificate("ca")).value().first().not_after)
      << "nobody makes lists for their own sake: it is the newest until there is something to revoke";
  EXPECT_TRUE(check_revocations(list_, certificate("ca")));
}

TEST_F(Revocation, AddsToTheListThatIsThere) {
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  options_.now = new_year + days(10);
  options_.valid = days(30);
  const auto added = put_on_list({certificate("box2"), certificate("box1"), certificate("box2")});
  ASSERT_TRUE(added) << message(added);
  EXPECT_EQ(added->added, 1u);
  EXPECT_EQ(revoked(), (Serials{serial("box1"), serial("box2")}));
  EXPECT_EQ(list().revoked[0].since, new_year) << "what was revoked stays so since then";
  EXPECT_EQ(list().revoked[1].since, new_year + days(10));
  EXPECT_EQ(list().number, "2");
  EXPECT_EQ(list().issued, new_year + days(10));
  EXPECT_EQ(list().next, new_year + days(40));
  EXPECT_TRUE(check_revocations(list_, certificate("ca")));
  EXPECT_EQ(directory_.entries(), 9) << "nothing lies about";
}

TEST_F(Revocation, SignsAnewWithoutAnyCertificate) {
  ASSERT_TRUE(put_on_list({}));
  EXPECT_EQ(revoked(), Serials{});
  EXPECT_TRUE(check_revocations(list_, certificate("ca")));
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  ASSERT_TRUE(put_on_list({}));
  EXPECT_EQ(revoked(), Serials{serial("box1")});
  EXPECT_EQ(list().number, "3");
}

TEST_F(Revocation, NumbersGrowAsFarAsTheyMay) {
  const auto number_after = [this](const std::string& number) {
    const Crl made = new_revocation_list();
    const Issuer issuer{std::move(read_certificates(certificate("ca"))->front()),
                        *read_private_key(directory_ / "ca.key")};
    const std::time_t now = system_clock::to_time_t(new_year);
    Steps step;
    step(gnutls_x509_crl_set_version(made.get(), 2));
    step(gnutls_x509_crl_set_this_update(made.get(), now));
    if (!number.empty()) step(gnutls_x509_crl_set_number(made.get(), number.data(), number.size()));
    step(gnutls_x509_crl_sign2(made.get(), issuer.certificate.get(), issuer.key.get(), GNUTLS_DIG_SHA256, 0));
    Datum pem;
    step(gnutls_x509_crl_export2(made.get(), GNUTLS_X509_FMT_PEM, pem.get()));
    EXPECT_EQ(step.status(), 0);
    directory_.write("crl.pem", {reinterpret_cast<const char*>(pem.get()->data), pem.get()->size});
    const auto revoked = put_on_list({});
    return revoked ? list().number : message(revoked);
  };
  EXPECT_EQ(number_after(""), "1") << "a list of another make, without number and next date";
  EXPECT_EQ(number_after("\x7f"), "128");
  EXPECT_EQ(number_after(std::string("\0\xff", 2)), "256");
  EXPECT_EQ(number_after(std::string("\0\xff\xff\xff\xff\xff\xff\xff\xff", 9)), "0x010000000000000000");
  EXPECT_EQ(number_after("\x7f" + std::string(19, '\xff')), "0x80" + std::string(38, '0'));
  EXPECT_EQ(number_after('\0' + std::string(20, '\xff')), list_.string() + ": its number can't grow");
}

TEST_F(Revocation, ThoseWhoRevokeAtTheSameTimeLoseNothing) {
  std::vector<std::thread> threads;
  for (const char* name : {"box1", "box2", "box3"}) {
    threads.emplace_back([this, name] { EXPECT_TRUE(put_on_list({certificate(name)})); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(revoked().size(), 3u);
  EXPECT_EQ(list().number, "3");
}

TEST_F(Revocation, ARenewedAuthorityGoesOnWithItsList) {
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  Options renew = options_;
  renew.existing = Existing::renew;
  ASSERT_TRUE(make_authority(directory_.path(), "", renew));
  ASSERT_TRUE(put_on_list({certificate("box2")}));
  EXPECT_EQ(revoked(), (Serials{serial("box1"), serial("box2")}));
}

TEST_F(Revocation, RefusesWhatIsNotItsOwnAndChangesNothing) {
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  const std::string before = contents(list_);
  const TemporaryDirectory other, namesake;
  ASSERT_TRUE(make_authority(other.path(), "Other CA", options_));
  ASSERT_TRUE(make_client(other.path(), "far", options_));
  ASSERT_TRUE(make_authority(namesake.path(), "Example CA", options_));
  ASSERT_TRUE(make_client(namesake.path(), "far", options_));
  const std::string ca = certificate("ca").string();
  const std::pair<std::filesystem::path, std::string> rows[] = {
      {other / "far.pem", ": not signed by " + ca},
      {namesake / "far.pem", ": not signed by " + ca + ", but by an earlier one of its name"},
      {certificate("ca"), ": an authority can't revoke itself"},
      {certificate("box9"), ": No such file or directory"},
      {directory_ / "box1.key", ": holds a private key, not a certificate"},
      {list_, ": holds a revocation list, not a certificate"},
  };
  for (const auto& [file, why] : rows) {
    const auto refused = put_on_list({certificate("box2"), file});
    EXPECT_EQ(message(refused), file.string() + why);
    EXPECT_EQ(contents(list_), before);
  }
}

TEST_F(Revocation, DoesNotTakeOverTheListOfAnotherAuthority) {
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  Options replace = options_;
  replace.existing = Existing::replace;
  ASSERT_TRUE(make_authority(directory_.path(), "Example CA", replace));
  ASSERT_TRUE(make_client(directory_.path(), "box4", options_));
  EXPECT_EQ(message(put_on_list({certificate("box4")})), list_.string() + ": not signed by " +
                                                             certificate("ca").string() +
                                                             "; it must make room before there can be another");
  directory_.write("crl.pem", "no list");
  EXPECT_EQ(message(put_on_list({certificate("box4")})), list_.string() + ": no revocation list in PEM form");
}

TEST_F(Revocation, NeedsTheAuthority) {
  const TemporaryDirectory empty;
  EXPECT_TRUE(message(revoke(empty.path(), {}, options_)).starts_with("no certificate authority to sign with"));
}

TEST_F(Revocation, IsSeenByGnutls) {
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  gnutls_x509_trust_list_t trust = nullptr;
  gnutls_x509_trust_list_init(&trust, 0);
  ASSERT_EQ(
      gnutls_x509_trust_list_add_trust_file(trust, certificate("ca").c_str(), list_.c_str(), GNUTLS_X509_FMT_PEM, 0, 0),
      2);
  for (const auto& [name, wanted] : {std::pair("box1", unsigned{GNUTLS_CERT_REVOKED}), std::pair("box2", 0u)}) {
    const auto certificates = read_certificates(certificate(name));
    gnutls_x509_crt_t chain = certificates->front().get();
    unsigned status = 0;
    EXPECT_EQ(gnutls_x509_trust_list_verify_crt(trust, &chain, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status, nullptr),
              0);
    EXPECT_EQ(status & GNUTLS_CERT_REVOKED, wanted) << name;
  }
  gnutls_x509_trust_list_deinit(trust, 1);
}

TEST_F(Revocation, ListsAreCheckedWhateverTheDate) {
  options_.valid = days(1);
  ASSERT_TRUE(put_on_list({certificate("box1")}));  // issued in the past, and out of date since
  EXPECT_TRUE(check_revocations(list_, certificate("ca")));
  options_.now = system_clock::now() + days(1000);
  ASSERT_TRUE(put_on_list({certificate("box2")}));  // of the future
  EXPECT_TRUE(check_revocations(list_, certificate("ca")));
}

TEST_F(Revocation, AFileOfListsIsAsGoodAsItsWorst) {
  const TemporaryDirectory other;
  ASSERT_TRUE(make_authority(other.path(), "Example CA", options_));
  ASSERT_TRUE(revoke(other.path(), {}, options_));
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  const auto both = directory_.write("both.pem", contents(list_) + contents(other / "crl.pem"));
  const auto authorities = directory_.write("cas.pem", contents(certificate("ca")) + contents(other / "ca.pem"));
  EXPECT_TRUE(check_revocations(both, authorities)) << "two authorities of one name";
  EXPECT_EQ(message(check_revocations(both, certificate("ca"))),
            both.string() + ": not signed by an authority in " + certificate("ca").string());
  EXPECT_EQ(load_revocations(both).value().lists.size(), 2u);
}

TEST_F(Revocation, IsDueForANewList) {
  options_.valid = days(30);
  ASSERT_TRUE(put_on_list({}));
  const auto file = load_revocations(list_);
  EXPECT_TRUE(check_newest(*file, new_year + days(30)));
  EXPECT_EQ(message(check_newest(*file, new_year + days(30) + 1s)),
            list_.string() + ": a newer revocation list was due on 2026-01-31");
}

TEST_F(Revocation, IsShownToPeople) {
  options_.valid = days(30);
  ASSERT_TRUE(put_on_list({}));
  EXPECT_EQ(describe_file(list_, new_year).value(), list_.string() +
                                                        "\n  revoked by:  Example CA, list 1\n"
                                                        "  issued:      2026-01-01, a newer one is due on 2026-01-31\n"
                                                        "  serial:      none\n");
  ASSERT_TRUE(put_on_list({certificate("box1")}));
  EXPECT_EQ(describe_file(list_, new_year + days(31)).value(),
            list_.string() +
                "\n  revoked by:  Example CA, list 2\n"
                "  issued:      2026-01-01, a newer one WAS due on 2026-01-31\n"
                "  serial:      " +
                serial("box1") + ", since 2026-01-01\n");
  EXPECT_EQ(describe_file(certificate("box1"), new_year).value(),
            describe(load_certificate(certificate("box1")).value(), new_year));
}

TEST_F(Revocation, SaysWhatIsWrongWithAListsFile) {
  directory_.write("damaged.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
  directory_.write("empty.pem", "");
  const std::pair<const char*, const char*> rows[] = {
      {"missing.pem", ": No such file or directory"},
      {"empty.pem", ": no revocation list in PEM form"},
      {"damaged.pem", ": damaged revocation list: "},
      {"ca.pem", ": holds a certificate, not a revocation list"},
      {"ca.key", ": holds a private key, not a revocation list"},
  };
  for (const auto& [name, wanted] : rows) {
    const std::string got = message(load_revocations(directory_ / name));
    EXPECT_TRUE(got.starts_with((directory_ / name).string() + wanted)) << got;
  }
  EXPECT_TRUE(message(describe_file(directory_ / "damaged.pem", new_year)).contains("damaged revocation list"));
  EXPECT_TRUE(message(describe_file(directory_ / "missing.pem", new_year)).ends_with("No such file or directory"));
}

}  // namespace
}  // namespace mpquic::certs
