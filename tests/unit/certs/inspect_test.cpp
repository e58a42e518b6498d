#include "certs/inspect.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "certs/make.h"
#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::system_clock;
using namespace std::chrono_literals;

const system_clock::time_point new_year = sys_days(2026y / 1 / 1) + 12h;

class Inspect : public testing::Test {
 protected:
  void SetUp() override {
    Options options;
    options.now = new_year;
    const std::vector<std::string> names{"vps.example.net", "203.0.113.5"};
    ASSERT_TRUE(make_authority(directory_.path(), "Example CA", options));
    ASSERT_TRUE(make_server(directory_.path(), names, options));
    ASSERT_TRUE(make_client(directory_.path(), "box1", options));
  }

  CertificateFile load(std::string_view name) const {
    auto file = load_certificate(directory_ / name);
    EXPECT_TRUE(file) << message(file);
    return *file;
  }

  TemporaryDirectory directory_;
};

TEST_F(Inspect, ReadsAChainInTheOrderOfTheFile) {
  directory_.write("chain.pem", contents(directory_ / "server.pem") + contents(directory_ / "ca.pem"));
  const CertificateFile chain = load("chain.pem");
  ASSERT_EQ(chain.certificates.size(), 2u);
  EXPECT_EQ(chain.first().common_name, "mpquic-server");
  EXPECT_EQ(chain.certificates[1].common_name, "Example CA");
  EXPECT_TRUE(check_pair(directory_ / "chain.pem", directory_ / "server.key"));
}

TEST_F(Inspect, TextAroundTheCertificateDoesNoHarm) {
  directory_.write("notes.pem", "made by hand\n" + contents(directory_ / "server.pem") + "\nthe end\n");
  EXPECT_EQ(load("notes.pem").certificates.size(), 1u);
}

TEST_F(Inspect, FingerprintsAndSerialsAreHexadecimal) {
  const Certificate ca = load("ca.pem").first();
  EXPECT_EQ(ca.fingerprint.size(), 32 * 3 - 1u);
  EXPECT_EQ(ca.fingerprint.find_first_not_of("0123456789ABCDEF:"), std::string::npos) << ca.fingerprint;
  EXPECT_EQ(ca.fingerprint[2], ':') << ca.fingerprint;
  EXPECT_EQ(ca.serial.size(), 32u);
  EXPECT_EQ(ca.serial.find_first_not_of("0123456789abcdef"), std::string::npos) << ca.serial;
  EXPECT_NE(ca.fingerprint, load("server.pem").first().fingerprint);
}

TEST_F(Inspect, SaysWhatIsWrongWithACertificateFile) {
  const std::string damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  directory_.write("empty.pem", "");
  directory_.write("garbage.pem", "\x01\x02 no certificate");
  directory_.write("damaged.pem", damaged);
  directory_.write("half.pem", contents(directory_ / "ca.pem").substr(0, 200));
  directory_.write("large.pem", std::string((1 << 20) + 1, 'a'));
  const std::pair<const char*, const char*> rows[] = {
      {"missing.pem", ": No such file or directory"},
      {".", ": Is a directory"},
      {"empty.pem", ": no certificate in PEM form"},
      {"garbage.pem", ": no certificate in PEM form"},
      {"damaged.pem", ": damaged certificate: "},
      {"half.pem", ": damaged certificate: "},
      {"server.key", ": holds a private key, not a certificate"},
      {"large.pem", ": larger than any certificate or key file"},
  };
  for (const auto& [name, wanted] : rows) {
    const std::string got = message(load_certificate(directory_ / name));
    EXPECT_TRUE(got.starts_with((directory_ / name).string() + wanted)) << got;
    EXPECT_EQ(got.find('\n'), std::string::npos) << got;
  }
}

TEST_F(Inspect, SaysWhatIsWrongWithAKeyFile) {
  directory_.write("garbage.key", "no key");
  directory_.write("damaged.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  directory_.write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
  const std::pair<const char*, const char*> rows[] = {
      {"missing.key", ": No such file or directory"},
      {"garbage.key", ": no private key in PEM form"},
      {"damaged.key", ": damaged private key: "},
      {"locked.key", ": the private key is encrypted with a password"},
      {"server.pem", ": holds a certificate, not a private key"},
      {"box1.key", ": this private key does not belong to "},
  };
  for (const auto& [name, wanted] : rows) {
    const std::string got = message(check_pair(directory_ / "server.pem", directory_ / name));
    EXPECT_TRUE(got.starts_with((directory_ / name).string() + wanted)) << got;
  }
  EXPECT_TRUE(message(check_pair(directory_ / "missing.pem", directory_ / "server.key"))
                  .starts_with((directory_ / "missing.pem").string() + ": No such file"));
  EXPECT_TRUE(check_pair(directory_ / "server.pem", directory_ / "server.key"));
}

TEST_F(Inspect, SaysThatAKeyCanNotBeRead) {
  std::filesystem::permissions(directory_ / "server.key", std::filesystem::perms::none);
  std::filesystem::permissions(directory_ / "server.pem",
                               std::filesystem::perms::others_read | std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  // Root reads everything, so root is nobody for a moment; nobody may still enter the directory.
  const uid_t user = ::geteuid();
  constexpr uid_t nobody = 65534;
  std::filesystem::permissions((directory_ / "server.key").parent_path(),
                               std::filesystem::perms::others_exec | std::filesystem::perms::group_exec,
                               std::filesystem::perm_options::add);
  if (user == 0) {
    ASSERT_EQ(::seteuid(nobody), 0);
  }
  const std::string text = message(check_pair(directory_ / "server.pem", directory_ / "server.key"));
  ASSERT_EQ(::seteuid(user), 0);
  EXPECT_EQ(text, (directory_ / "server.key").string() + ": Permission denied");
}

TEST_F(Inspect, ValidityHasTwoEnds) {
  const CertificateFile server = load("server.pem");
  const std::string path = server.path.string();
  EXPECT_EQ(message(check_validity(server, new_year - 6min)), path + ": not valid before 2026-01-01");
  EXPECT_TRUE(check_validity(server, new_year - 4min));
  EXPECT_TRUE(check_validity(server, new_year + days(730)));
  EXPECT_EQ(message(check_validity(server, new_year + days(730) + 1s)), path + ": expired on 2028-01-01");
}

TEST_F(Inspect, AChainIsAsGoodAsItsWorstABundleAsItsBest) {
  Options later;
  later.now = new_year + days(1000);
  const TemporaryDirectory young;
  ASSERT_TRUE(make_authority(young.path(), "", later));
  ASSERT_TRUE(make_server(young.path(), std::vector<std::string>{"a"}, later));
  directory_.write("chain.pem", contents(young / "server.pem") + contents(directory_ / "box1.pem"));
  EXPECT_TRUE(check_validity(load_certificate(young / "server.pem").value(), later.now));
  EXPECT_FALSE(check_validity(load("chain.pem"), later.now));
  directory_.write("bundle.pem", contents(directory_ / "ca.pem") + contents(young / "ca.pem"));
  EXPECT_TRUE(check_validity(load("bundle.pem"), new_year + days(4000)));
  EXPECT_FALSE(check_validity(load("bundle.pem"), new_year + days(5000)));
}

TEST_F(Inspect, TellsAnAuthorityFromItsNamesakeAndFromAStranger) {
  const TemporaryDirectory namesake, stranger;
  ASSERT_TRUE(make_authority(namesake.path(), "Example CA", {}));
  ASSERT_TRUE(make_authority(stranger.path(), "Other CA", {}));
  const auto box1 = directory_ / "box1.pem";
  EXPECT_EQ(check_signature(box1, directory_ / "ca.pem").value(), Signature::good);
  EXPECT_EQ(check_signature(box1, namesake / "ca.pem").value(), Signature::of_namesake);
  EXPECT_EQ(check_signature(box1, stranger / "ca.pem").value(), Signature::of_another);
  directory_.write("bundle.pem", contents(namesake / "ca.pem") + contents(directory_ / "ca.pem"));
  EXPECT_EQ(check_signature(box1, directory_ / "bundle.pem").value(), Signature::good);
  EXPECT_FALSE(check_signature(box1, directory_ / "box1.key"));
}

TEST_F(Inspect, DescribesWhoUntilWhenAndByWhom) {
  const CertificateFile server = load("server.pem");
  const std::string text = describe(server, new_year + days(700));
  for (const char* wanted :
       {"mpquic-server (server)\n", "vps.example.net, mpquic-server, 203.0.113.5\n",
        "2026-01-01 to 2028-01-01, 30 days left\n", "issued by:   Example CA\n", "EC/ECDSA 256 bits\n"}) {
    EXPECT_NE(text.find(wanted), std::string::npos) << wanted << " is not in\n" << text;
  }
  EXPECT_TRUE(text.starts_with(server.path.string() + "\n"));
  EXPECT_NE(describe(server, new_year + days(731)).find("EXPIRED 1 day ago\n"), std::string::npos);
  EXPECT_NE(describe(server, new_year - days(1)).find("NOT VALID YET\n"), std::string::npos);
  EXPECT_NE(describe(load("box1.pem"), new_year).find("box1 (client)\n"), std::string::npos);
  EXPECT_NE(describe(load("ca.pem"), new_year).find("Example CA (certificate authority)\n"), std::string::npos);
}

TEST_F(Inspect, ANameReachesNoTerminalAsControlCharacters) {
  CertificateFile file{"x.pem", {Certificate{}}};
  file.certificates[0].common_name = "\x1b[2Jbox1";
  const std::string text = describe(file, new_year);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\x1b[2Jbox1"), std::string::npos);
}

}  // namespace
}  // namespace mpquic::certs
