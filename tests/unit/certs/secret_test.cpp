#include "certs/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "certs/make.h"
#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

// The public test key of RFC 9500, 2.3: nobody's secret.
constexpr const char* test_key =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n"
    "AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n"
    "uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n"
    "-----END EC PRIVATE KEY-----\n";
// As other tools put it before an EC key; it names the curve and is as public as can be.
constexpr const char* curve_parameters =
    "-----BEGIN EC PARAMETERS-----\n"
    "BggqhkjOPQMBBw==\n"
    "-----END EC PARAMETERS-----\n";

std::string hex(const Result<Secret>& secret) {
  if (!secret) return secret.error().message;
  std::string text;
  for (const std::uint8_t byte : *secret) text += fmt::format("{:02x}", byte);
  return text;
}

// Computed by RFC 5869's formula with another implementation of HMAC. Should this ever change, every server forgets
// its stateless reset key at the upgrade.
TEST(DeriveSecret, GivesWhatItAlwaysGave) {
  const TemporaryDirectory directory;
  const std::string wanted = "eeb549d0ad7c0d9d5ae09788b571c4e99757c42d014ec277195e8b6fa2dd63b7";
  EXPECT_EQ(hex(derive_secret(directory.write("a.key", test_key), "stateless reset")), wanted);
  const auto with_parameters = directory.write("b.key", std::string(curve_parameters) + test_key);
  EXPECT_EQ(hex(derive_secret(with_parameters, "stateless reset")), wanted);
}

TEST(DeriveSecret, DependsOnTheKeyAndTheLabelAndOutlivesARenewal) {
  const TemporaryDirectory directory;
  const std::vector<std::string> names{"a"};
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  ASSERT_TRUE(make_server(directory.path(), names, {}));
  const auto secret = [&](const char* label) { return hex(derive_secret(directory / "server.key", label)); };
  const std::string before = secret("stateless reset");
  EXPECT_EQ(before.size(), 64u) << before;
  EXPECT_EQ(secret("stateless reset"), before);
  EXPECT_NE(secret("retry token"), before);
  EXPECT_NE(secret(""), before);

  Options options;
  options.existing = Existing::renew;
  ASSERT_TRUE(make_server(directory.path(), names, options));
  EXPECT_EQ(secret("stateless reset"), before);
  options.existing = Existing::replace;
  ASSERT_TRUE(make_server(directory.path(), names, options));
  EXPECT_NE(secret("stateless reset"), before);
}

TEST(DeriveSecret, NeedsAPrivateKey) {
  const TemporaryDirectory directory;
  ASSERT_TRUE(make_authority(directory.path(), "", {}));
  EXPECT_TRUE(derive_secret(directory / "ca.key", "x"));
  EXPECT_TRUE(message(derive_secret(directory / "none.key", "x")).ends_with("none.key: No such file or directory"));
  EXPECT_TRUE(message(derive_secret(directory / "ca.pem", "x")).ends_with("holds a certificate, not a private key"));
}

}  // namespace
}  // namespace mpquic::certs
