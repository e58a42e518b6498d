#include "certs/issue.h"

#include <gnutls/crypto.h>

#include <array>

namespace mpquic::certs {
namespace {

void set_names(Steps& step, gnutls_x509_crt_t certificate, const Request& request) {
  const std::string& name = request.common_name;
  step(gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name.data(),
                                     static_cast<unsigned>(name.size())));
  for (const std::string& dns : request.names.dns) {
    step(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, dns.data(),
                                              static_cast<unsigned>(dns.size()), GNUTLS_FSAN_APPEND));
  }
  for (const auto& address : request.names.ip_addresses) {
    step(gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, address.data(),
                                              static_cast<unsigned>(address.size()), GNUTLS_FSAN_APPEND));
  }
}

// 126 random bits in 16 bytes. The first bit is clear: DER would take the number for negative. The second is set: the
// number is never zero, nor shorter than 16 bytes.
void set_serial(Steps& step, gnutls_x509_crt_t certificate) {
  std::array<std::uint8_t, 16> serial{};
  step(gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size()));
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);
  step(gnutls_x509_crt_set_serial(certificate, serial.data(), serial.size()));
}

// Basic constraints and key usage are critical extensions, as RFC 5280 4.2.1.3 and 4.2.1.9 want them. The authority
// signs ends, not further authorities (path length 0).
void set_role(Steps& step, gnutls_x509_crt_t certificate, Role role) {
  if (role == Role::authority) {
    step(gnutls_x509_crt_set_basic_constraints(certificate, 1, 0));
    step(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
    return;
  }
  step(gnutls_x509_crt_set_basic_constraints(certificate, 0, -1));
  step(gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
  step(gnutls_x509_crt_set_key_purpose_oid(
      certificate, role == Role::server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0));
}

void set_key_ids(Steps& step, gnutls_x509_crt_t certificate, gnutls_x509_crt_t issuer) {
  std::array<std::uint8_t, 64> id{};
  std::size_t size = id.size();
  step(gnutls_x509_crt_get_key_id(certificate, GNUTLS_KEYID_USE_SHA1, id.data(), &size));
  step(gnutls_x509_crt_set_subject_key_id(certificate, id.data(), size));
  size = id.size();
  const int found = gnutls_x509_crt_get_subject_key_id(issuer, id.data(), &size, nullptr);
  if (found == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return;  // an authority from elsewhere may do without
  step(found);
  step(gnutls_x509_crt_set_authority_key_id(certificate, id.data(), size));
}

}  // namespace

Result<PrivateKey> generate_key() {
  PrivateKey key = new_private_key();
  const int status =
      gnutls_x509_privkey_generate(key.get(), GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  if (status < 0) return tls_failure("can't make a private key", status);
  return key;
}

Result<X509> issue(const Request& request, const PrivateKey& key, const Issuer* issuer) {
  X509 certificate = new_certificate();
  gnutls_x509_crt_t signer = issuer ? issuer->certificate.get() : certificate.get();
  gnutls_x509_privkey_t signing_key = issuer ? issuer->key.get() : key.get();
  Steps step;
  step(gnutls_x509_crt_set_version(certificate.get(), 3));
  step(gnutls_x509_crt_set_key(certificate.get(), key.get()));
  step(
      gnutls_x509_crt_set_activation_time(certificate.get(), std::chrono::system_clock::to_time_t(request.not_before)));
  step(gnutls_x509_crt_set_expiration_time(certificate.get(), std::chrono::system_clock::to_time_t(request.not_after)));
  set_serial(step, certificate.get());
  set_names(step, certificate.get(), request);
  set_role(step, certificate.get(), request.role);
  set_key_ids(step, certificate.get(), signer);
  step(gnutls_x509_crt_sign2(certificate.get(), signer, signing_key, GNUTLS_DIG_SHA256, 0));
  if (step.status() < 0) return tls_failure("can't make the certificate of " + request.common_name, step.status());
  return certificate;
}

Result<Datum> to_pem(const X509& certificate) {
  Datum pem;
  const int status = gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_PEM, pem.get());
  if (status < 0) return tls_failure("can't write the certificate in PEM form", status);
  return pem;
}

Result<Datum> to_pem(const PrivateKey& key) {
  Datum pem;
  const int status =
      gnutls_x509_privkey_export2_pkcs8(key.get(), GNUTLS_X509_FMT_PEM, nullptr, GNUTLS_PKCS_PLAIN, pem.get());
  if (status < 0) return tls_failure("can't write the private key in PEM form", status);
  return pem;
}

Result<Identity> identity(const X509& certificate) {
  Datum subject;
  const int status = gnutls_x509_crt_get_raw_dn(certificate.get(), subject.get());
  if (status < 0) return tls_failure("subject of the certificate", status);
  std::array<std::uint8_t, 64> id{};
  std::size_t size = id.size();
  if (gnutls_x509_crt_get_subject_key_id(certificate.get(), id.data(), &size, nullptr) < 0) size = 0;
  return Identity{{subject.bytes().begin(), subject.bytes().end()},
                  {id.begin(), id.begin() + static_cast<std::ptrdiff_t>(size)}};
}

}  // namespace mpquic::certs
