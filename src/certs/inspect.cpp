#include "certs/inspect.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <span>

#include "certs/date.h"
#include "certs/words.h"
#include "certs/x509.h"

namespace mpquic::certs {
namespace {

using std::chrono::system_clock;

std::string fingerprint(const X509& certificate) {
  std::array<std::uint8_t, 32> digest{};
  std::size_t size = digest.size();
  if (gnutls_x509_crt_get_fingerprint(certificate.get(), GNUTLS_DIG_SHA256, digest.data(), &size) < 0) return {};
  std::string text;
  for (const std::uint8_t byte : digest) text += fmt::format("{}{:02X}", text.empty() ? "" : ":", byte);
  return text;
}

std::string serial(const X509& certificate) {
  std::array<std::uint8_t, 64> bytes{};
  std::size_t size = bytes.size();
  if (gnutls_x509_crt_get_serial(certificate.get(), bytes.data(), &size) < 0) return {};
  return hexadecimal(Bytes(bytes).first(size));
}

std::string key_algorithm(const X509& certificate) {
  unsigned bits = 0;
  const int algorithm = gnutls_x509_crt_get_pk_algorithm(certificate.get(), &bits);
  if (algorithm < 0) return "unknown";
  return fmt::format("{} {} bits", gnutls_pk_get_name(static_cast<gnutls_pk_algorithm_t>(algorithm)), bits);
}

void read_names(const X509& from, Certificate& to) {
  for (unsigned i = 0;; ++i) {
    int type = 0;
    const auto name = text_from([&](char* buffer, std::size_t* size) {
      return type = gnutls_x509_crt_get_subject_alt_name(from.get(), i, buffer, size, nullptr);
    });
    if (type < 0 && type != GNUTLS_E_X509_UNKNOWN_SAN) return;
    if (!name) continue;
    if (type == GNUTLS_SAN_DNSNAME) to.dns_names.push_back(*name);
    if (type == GNUTLS_SAN_IPADDRESS && (name->size() == 4 || name->size() == 16)) {
      std::array<char, INET6_ADDRSTRLEN> text{};
      ::inet_ntop(name->size() == 4 ? AF_INET : AF_INET6, name->data(), text.data(), text.size());
      to.ip_addresses.emplace_back(text.data());
    }
  }
}

void read_purposes(const X509& from, Certificate& to) {
  for (unsigned i = 0;; ++i) {
    const auto oid = text_from([&](char* buffer, std::size_t* size) {
      return gnutls_x509_crt_get_key_purpose_oid(from.get(), i, buffer, size, nullptr);
    });
    if (!oid) return;
    if (i == 0) to.for_servers = to.for_clients = false;
    const std::string_view purpose = oid->c_str();  // some versions count the closing zero as well
    to.for_servers |= purpose == GNUTLS_KP_TLS_WWW_SERVER || purpose == GNUTLS_KP_ANY;
    to.for_clients |= purpose == GNUTLS_KP_TLS_WWW_CLIENT || purpose == GNUTLS_KP_ANY;
  }
}

Certificate put_in_words(const X509& certificate) {
  Certificate words;
  words.common_name =
      text_from([&](char* buffer, std::size_t* size) {
        return gnutls_x509_crt_get_dn_by_oid(certificate.get(), GNUTLS_OID_X520_COMMON_NAME, 0, 0, buffer, size);
      }).value_or("");
  words.issuer =
      text_from([&](char* buffer, std::size_t* size) {
        return gnutls_x509_crt_get_issuer_dn_by_oid(certificate.get(), GNUTLS_OID_X520_COMMON_NAME, 0, 0, buffer, size);
      }).value_or("");
  read_names(certificate, words);
  read_purposes(certificate, words);
  words.is_ca = gnutls_x509_crt_get_ca_status(certificate.get(), nullptr) > 0;
  words.not_before = to_time_point(gnutls_x509_crt_get_activation_time(certificate.get()));
  words.not_after = to_time_point(gnutls_x509_crt_get_expiration_time(certificate.get()));
  words.serial = serial(certificate);
  words.fingerprint = fingerprint(certificate);
  words.key_algorithm = key_algorithm(certificate);
  return words;
}

Result<void> check_one(const Certificate& certificate, const std::filesystem::path& path,
                       system_clock::time_point now) {
  if (now < certificate.not_before) {
    return failure("{}: not valid before {}", path.string(), utc_date(certificate.not_before));
  }
  if (now > certificate.not_after) return failure("{}: expired on {}", path.string(), utc_date(certificate.not_after));
  return {};
}

bool is_named_as_issuer(const X509& authority, const X509& certificate) {
  Datum issuer, subject;
  return gnutls_x509_crt_get_raw_issuer_dn(certificate.get(), issuer.get()) == 0 &&
         gnutls_x509_crt_get_raw_dn(authority.get(), subject.get()) == 0 &&
         std::ranges::equal(issuer.bytes(), subject.bytes());
}

}  // namespace

Result<CertificateFile> load_certificate(const std::filesystem::path& path) {
  const auto certificates = read_certificates(path);
  if (!certificates) return std::unexpected(certificates.error());
  CertificateFile file{path, {}};
  for (const X509& certificate : *certificates) file.certificates.push_back(put_in_words(certificate));
  return file;
}

Result<void> check_pair(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  const auto certificates = read_certificates(certificate);
  if (!certificates) return std::unexpected(certificates.error());
  const auto private_key = read_private_key(key);
  if (!private_key) return std::unexpected(private_key.error());
  return check_pair(certificates->front(), certificate, *private_key, key);
}

Result<void> check_validity(const CertificateFile& file, system_clock::time_point now) {
  const bool one_will_do = file.first().is_ca;
  Result<void> verdict;
  for (const Certificate& certificate : file.certificates) {
    const Result<void> one = check_one(certificate, file.path, now);
    if (one && one_will_do) return {};
    if (!one && verdict) verdict = one;
  }
  return verdict;
}

Result<Signature> check_signature(const std::filesystem::path& certificate, const std::filesystem::path& authorities) {
  const auto signed_ones = read_certificates(certificate);
  if (!signed_ones) return std::unexpected(signed_ones.error());
  const auto signers = read_certificates(authorities);
  if (!signers) return std::unexpected(signers.error());
  const X509& one = signed_ones->front();
  bool namesake = false;
  for (const X509& signer : *signers) {
    gnutls_x509_crt_t authority = signer.get();
    unsigned wrong = 0;
    if (gnutls_x509_crt_verify(one.get(), &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &wrong) == 0 &&
        wrong == 0) {
      return Signature::good;
    }
    namesake = namesake || is_named_as_issuer(signer, one);
  }
  return namesake ? Signature::of_namesake : Signature::of_another;
}

}  // namespace mpquic::certs
