// What is made here, judged by GnuTLS's own verifier, as the handshake does it.

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gtest/gtest.h>

#include <vector>

#include "certs/make.h"
#include "certs/temporary_directory.h"
#include "certs/x509.h"

namespace mpquic::certs {
namespace {

constexpr const char* server_purpose = GNUTLS_KP_TLS_WWW_SERVER;
constexpr const char* client_purpose = GNUTLS_KP_TLS_WWW_CLIENT;

/// The verification status of the certificate, 0 for good; `name` (nullptr: any) is a DNS name or an address.
unsigned verify(const std::filesystem::path& authority, const std::filesystem::path& certificate, const char* purpose,
                const char* name = nullptr) {
  gnutls_x509_trust_list_t trust = nullptr;
  gnutls_x509_trust_list_init(&trust, 0);
  EXPECT_EQ(gnutls_x509_trust_list_add_trust_file(trust, authority.c_str(), nullptr, GNUTLS_X509_FMT_PEM, 0, 0), 1);
  const auto certificates = read_certificates(certificate);
  EXPECT_TRUE(certificates) << message(certificates);
  std::string purpose_text = purpose, name_text = name ? name : "";
  std::vector<gnutls_typed_vdata_st> wanted;
  const auto want = [&](gnutls_vdata_types_t type, std::string& text) {
    wanted.push_back({type, reinterpret_cast<unsigned char*>(text.data()), static_cast<unsigned>(text.size())});
  };
  want(GNUTLS_DT_KEY_PURPOSE_OID, purpose_text);
  if (name) want(GNUTLS_DT_DNS_HOSTNAME, name_text);
  gnutls_x509_crt_t chain = certificates ? certificates->front().get() : nullptr;
  unsigned status = ~0u;
  EXPECT_EQ(gnutls_x509_trust_list_verify_crt2(trust, &chain, 1, wanted.data(), static_cast<unsigned>(wanted.size()), 0,
                                               &status, nullptr),
            0);
  gnutls_x509_trust_list_deinit(trust, 1);
  return status;
}

class Verified : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<std::string> names{"vps.example.net", "203.0.113.5", "2001:db8::1"};
    ASSERT_TRUE(make_authority(directory_.path(), "", {}));
    ASSERT_TRUE(make_server(directory_.path(), names, {}));
    ASSERT_TRUE(make_client(directory_.path(), "box1", {}));
  }

  TemporaryDirectory directory_;
  const std::filesystem::path ca_ = directory_ / "ca.pem";
  const std::filesystem::path server_ = directory_ / "server.pem";
  const std::filesystem::path client_ = directory_ / "box1.pem";
};

TEST_F(Verified, AServerIsGoodUnderEachOfItsNames) {
  for (const char* name : {"vps.example.net", "VPS.Example.Net", "mpquic-server", "203.0.113.5", "2001:db8::1"}) {
    EXPECT_EQ(verify(ca_, server_, server_purpose, name), 0u) << name;
  }
}

TEST_F(Verified, AServerIsNotGoodUnderAnother) {
  for (const char* name : {"other.example.net", "example.net", "203.0.113.6", "2001:db8::2", "box1"}) {
    EXPECT_TRUE(verify(ca_, server_, server_purpose, name) & GNUTLS_CERT_UNEXPECTED_OWNER) << name;
  }
}

TEST_F(Verified, AnotherAuthorityOfTheSameNameSignedNothingHere) {
  const TemporaryDirectory other;
  ASSERT_TRUE(make_authority(other.path(), "", {}));
  EXPECT_NE(verify(other / "ca.pem", server_, server_purpose), 0u);
  EXPECT_NE(verify(other / "ca.pem", client_, client_purpose), 0u);
}

TEST_F(Verified, EndsAreGoodForTheirOwnRoleOnly) {
  EXPECT_EQ(verify(ca_, client_, client_purpose), 0u);
  EXPECT_TRUE(verify(ca_, client_, server_purpose) & GNUTLS_CERT_PURPOSE_MISMATCH);
  EXPECT_TRUE(verify(ca_, server_, client_purpose) & GNUTLS_CERT_PURPOSE_MISMATCH);
}

TEST_F(Verified, TimeRunsOut) {
  Options past;
  past.now -= std::chrono::days(1000);
  const TemporaryDirectory old;
  ASSERT_TRUE(make_authority(old.path(), "", past));
  ASSERT_TRUE(make_client(old.path(), "box1", past));
  EXPECT_TRUE(verify(old / "ca.pem", old / "box1.pem", client_purpose) & GNUTLS_CERT_EXPIRED);
}

TEST_F(Verified, ARenewedAuthorityStillStandsForWhatItSigned) {
  Options renew;
  renew.existing = Existing::renew;
  ASSERT_TRUE(make_authority(directory_.path(), "", renew));
  EXPECT_EQ(verify(ca_, server_, server_purpose, "vps.example.net"), 0u);
  EXPECT_EQ(verify(ca_, client_, client_purpose), 0u);
}

TEST_F(Verified, AReplacedAuthorityDoesNot) {
  Options replace;
  replace.existing = Existing::replace;
  ASSERT_TRUE(make_authority(directory_.path(), "", replace));
  EXPECT_NE(verify(ca_, client_, client_purpose), 0u);
  ASSERT_TRUE(make_client(directory_.path(), "box1", replace));
  EXPECT_EQ(verify(ca_, client_, client_purpose), 0u);
}

TEST_F(Verified, ExtensionsAreThoseOfRfc5280) {
  struct Row {
    std::filesystem::path file;
    unsigned usage;
    unsigned ca;
    int path_length;
  };
  for (const Row& row :
       {Row{ca_, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN, 1, 0},
        Row{server_, GNUTLS_KEY_DIGITAL_SIGNATURE, 0, -1}, Row{client_, GNUTLS_KEY_DIGITAL_SIGNATURE, 0, -1}}) {
    SCOPED_TRACE(row.file);
    const auto certificates = read_certificates(row.file);
    ASSERT_TRUE(certificates);
    gnutls_x509_crt_t certificate = certificates->front().get();
    unsigned critical = 0, ca = 0, usage = 0;
    int path_length = 0;
    EXPECT_EQ(gnutls_x509_crt_get_version(certificate), 3);
    EXPECT_EQ(gnutls_x509_crt_get_signature_algorithm(certificate), GNUTLS_SIGN_ECDSA_SHA256);
    EXPECT_EQ(gnutls_x509_crt_get_basic_constraints(certificate, &critical, &ca, &path_length),
              static_cast<int>(row.ca));
    EXPECT_EQ(critical, 1u);
    EXPECT_EQ(path_length, row.path_length);
    EXPECT_EQ(gnutls_x509_crt_get_key_usage(certificate, &usage, &critical), 0);
    EXPECT_EQ(usage, row.usage);
    EXPECT_EQ(critical, 1u);
  }
}

TEST_F(Verified, KeyIdentifiersFormTheChain) {
  const auto id = [](const std::filesystem::path& file, auto get) {
    const auto certificates = read_certificates(file);
    std::string text(64, '\0');
    std::size_t size = text.size();
    EXPECT_EQ(get(certificates->front().get(), text.data(), &size, nullptr), 0) << file;
    text.resize(size);
    return text;
  };
  const std::string authority = id(ca_, gnutls_x509_crt_get_subject_key_id);
  EXPECT_EQ(authority.size(), 20u);
  for (const auto& file : {ca_, server_, client_}) {
    EXPECT_EQ(id(file, gnutls_x509_crt_get_authority_key_id), authority) << file;
  }
  EXPECT_NE(id(server_, gnutls_x509_crt_get_subject_key_id), authority);
}

}  // namespace
}  // namespace mpquic::certs
