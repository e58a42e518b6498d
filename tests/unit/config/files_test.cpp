#include <sys/stat.h>

#include "config/loading.h"

namespace mpquic::config {
namespace {

using NamedFiles = Loading;

std::string client(const std::string& tls) {
  return "role: client\nserver: 192.0.2.1:45010\n"
         "links: {wan5: {interface: enp7s7}}\n"
         "tunnels: {cr5: {links: [wan5], address: 10.200.15.1/24}}\n"
         "tls:\n" +
         tls;
}

std::string only(const Lines& errors) {
  if (errors.size() == 1) return errors[0];
  return std::to_string(errors.size()) + " errors";
}

TEST_F(NamedFiles, MustBeThereAndBeFiles) {
  EXPECT_EQ(only(errors(client("  ca: tls/other.pem\n"))), "6:7: tls/other.pem: No such file or directory");
  EXPECT_EQ(only(errors(client("  ca: tls\n"))), "6:7: tls is not a regular file");
  EXPECT_EQ(only(errors(client("  ca: /dev/zero\n"))), "6:7: /dev/zero is not a regular file");
  EXPECT_EQ(only(errors(client("  ca: ''\n"))), "6:7: ca: a file name is missing");
  ASSERT_EQ(mkfifo((folder_ / "pipe").c_str(), 0600), 0);  // opening it would hang
  EXPECT_EQ(only(errors(client("  ca: pipe\n"))), "6:7: pipe is not a regular file");
}

TEST_F(NamedFiles, MustHoldCertificates) {
  write("garbage.pem", "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n");
  EXPECT_TRUE(only(errors(client("  ca: garbage.pem\n"))).starts_with("6:7: garbage.pem"));
  write("empty.pem", "");
  EXPECT_TRUE(only(errors(client("  ca: empty.pem\n"))).starts_with("6:7: empty.pem"));
}

TEST_F(NamedFiles, AKeyMustBelongToItsCertificate) {
  const std::string certificate = "  ca: tls/ca.pem\n  certificate: tls/box1.pem\n";
  EXPECT_EQ(errors(client(certificate + "  key: tls/box1.key\n")), Lines{});
  EXPECT_TRUE(only(errors(client(certificate + "  key: tls/server.key\n"))).starts_with("8:8: tls/server.key"))
      << only(errors(client(certificate + "  key: tls/server.key\n")));
  EXPECT_TRUE(only(errors(client(certificate + "  key: tls/box1.pem\n"))).starts_with("8:8: tls/box1.pem"));
}

TEST_F(NamedFiles, CertificatesAreHeldAgainstTheTimeHandedIn) {
  const std::string text = client("  ca: tls/ca.pem\n  certificate: tls/box1.pem\n  key: tls/box1.key\n");
  EXPECT_EQ(errors(text, today + std::chrono::days(364)), Lines{});
  EXPECT_EQ(only(errors(text, today + std::chrono::days(366))), "7:16: tls/box1.pem: expired on 2027-06-01");
  EXPECT_EQ(errors(text, today + std::chrono::days(3651)),
            (Lines{"6:7: tls/ca.pem: expired on 2036-05-29", "7:16: tls/box1.pem: expired on 2027-06-01"}));
  EXPECT_EQ(errors(text, today - std::chrono::days(1)),
            (Lines{"6:7: tls/ca.pem: not valid before 2026-05-31", "7:16: tls/box1.pem: not valid before 2026-05-31"}));
}

TEST_F(NamedFiles, AKeyThatEverybodyMayReadIsAWarning) {
  std::filesystem::copy_file(folder_ / "tls/box1.key", folder_ / "open.key");
  std::filesystem::permissions(folder_ / "open.key", std::filesystem::perms(0644));
  const std::string text = client("  ca: tls/ca.pem\n  certificate: tls/box1.pem\n  key: open.key\n");
  EXPECT_EQ(warnings(text),
            Lines{"8:8: open.key is a private key and everybody may read it (did you mean chmod o-r?)"});
  std::filesystem::permissions(folder_ / "open.key", std::filesystem::perms(0640));
  EXPECT_EQ(warnings(text), Lines{});
}

TEST_F(NamedFiles, ACertificateForTheOtherRoleIsAWarning) {
  EXPECT_EQ(warnings(client("  ca: tls/ca.pem\n  certificate: tls/server.pem\n  key: tls/server.key\n")),
            Lines{"7:16: tls/server.pem is not made for clients: a server may refuse it"});
}

TEST_F(NamedFiles, CanBeLeftToTheCaller) {
  const auto file = write("lone.yaml", client("  ca: tls/other.pem\n"));
  EXPECT_FALSE(load(file, today));
  const auto loaded = load_without_files(file);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->configuration.client()->tls.ca->value, folder_ / "tls/other.pem");
  EXPECT_EQ(load_without_files(write("wrong.yaml", "role: client\n")).has_value(), false);
}

}  // namespace
}  // namespace mpquic::config
