#include "sim/certificates.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>

#include "base/handle.h"

namespace mpquic::sim {
namespace {

constexpr const char* server_name = "mpquic-server";

void must_succeed(int status) {
  if (status >= 0) return;
  std::fprintf(stderr, "certificates can't be made: %s\n", gnutls_strerror(status));
  std::abort();
}

void write_file(const std::filesystem::path& file, gnutls_datum_t& pem) {
  std::ofstream(file).write(reinterpret_cast<const char*>(pem.data), pem.size);
  gnutls_free(pem.data);
}

/// A certificate and its key, written as NAME.pem and NAME.key.
class Identity {
 public:
  Identity(const std::filesystem::path& directory, const char* name, const Identity* issuer, const char* purpose) {
    gnutls_x509_privkey_t key = nullptr;
    must_succeed(gnutls_x509_privkey_init(&key));
    key_.reset(key);
    must_succeed(gnutls_x509_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, 0, 0));
    gnutls_x509_crt_t certificate = nullptr;
    must_succeed(gnutls_x509_crt_init(&certificate));
    certificate_.reset(certificate);
    describe(name, issuer == nullptr, purpose);
    must_succeed(gnutls_x509_crt_sign2(certificate, (issuer == nullptr ? *this : *issuer).certificate_.get(),
                                       (issuer == nullptr ? *this : *issuer).key_.get(), GNUTLS_DIG_SHA512, 0));
    gnutls_datum_t pem{};
    must_succeed(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem));
    write_file(directory / (std::string(name) + ".pem"), pem);
    must_succeed(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, &pem));
    write_file(directory / (std::string(name) + ".key"), pem);
  }

 private:
  void describe(const char* name, bool authority, const char* purpose) {
    gnutls_x509_crt_t certificate = certificate_.get();
    must_succeed(gnutls_x509_crt_set_version(certificate, 3));
    must_succeed(gnutls_x509_crt_set_key(certificate, key_.get()));
    // One after the other, from 64 on: never of another size.
    static std::uint8_t serial = 64;
    must_succeed(gnutls_x509_crt_set_serial(certificate, &++serial, 1));
    const std::string common_name = name;
    must_succeed(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, common_name.data(),
                                               static_cast<unsigned>(common_name.size())));
    must_succeed(gnutls_x509_crt_set_activation_time(certificate, std::time(nullptr) - 3600));
    must_succeed(gnutls_x509_crt_set_expiration_time(certificate, std::time(nullptr) + 86'400));
    must_succeed(gnutls_x509_crt_set_basic_constraints(certificate, authority ? 1 : 0, authority ? 0 : -1));
    if (authority) {
      must_succeed(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN));
      return;
    }
    must_succeed(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    must_succeed(gnutls_x509_crt_set_key_purpose_oid(certificate, purpose, 0));
    must_succeed(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, common_name.data(),
                                                      static_cast<unsigned>(common_name.size()), GNUTLS_FSAN_SET));
  }

  std::unique_ptr<gnutls_x509_privkey_int, Deleter<gnutls_x509_privkey_deinit>> key_;
  std::unique_ptr<gnutls_x509_crt_int, Deleter<gnutls_x509_crt_deinit>> certificate_;
};

}  // namespace

Certificates::Certificates() {
  std::string name = (std::filesystem::temp_directory_path() / "mpquic-sim-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  directory_ = name;
  const Identity authority(directory_, "ca", nullptr, "");
  const Identity server(directory_, server_name, &authority, GNUTLS_KP_TLS_WWW_SERVER);
  const Identity client(directory_, "box1", &authority, GNUTLS_KP_TLS_WWW_CLIENT);
}

Certificates::~Certificates() { std::filesystem::remove_all(directory_); }

quic::TlsSettings Certificates::client() const {
  return {directory_ / "box1.pem", directory_ / "box1.key", directory_ / "ca.pem", server_name};
}

quic::TlsSettings Certificates::server() const {
  const std::string name = server_name;
  return {directory_ / (name + ".pem"), directory_ / (name + ".key"), directory_ / "ca.pem", {}};
}

}  // namespace mpquic::sim
