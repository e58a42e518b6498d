#include "quic/revoked.h"

#include <gnutls/x509.h>

#include <array>
#include <memory>
#include <vector>

#include "base/handle.h"

namespace mpquic::quic {
namespace {

using X509 = std::unique_ptr<gnutls_x509_crt_int, Deleter<gnutls_x509_crt_deinit>>;
using Crl = std::unique_ptr<gnutls_x509_crl_int, Deleter<gnutls_x509_crl_deinit>>;

std::unexpected<Error> tls_failure(const std::filesystem::path& file, int error) {
  return failure("{}: {}", file.string(), gnutls_strerror(error));
}

/// The bytes, which GnuTLS has allocated.
std::string take(gnutls_datum_t datum) {
  std::string bytes(reinterpret_cast<const char*>(datum.data), datum.size);
  gnutls_free(datum.data);
  return bytes;
}

/// What `read` fills in: a serial number has 20 bytes at most (RFC 5280, 4.1.2.2). GnuTLS's status if it fails.
template <class Read>
int read_serial(std::string& serial, Read read) {
  std::array<char, 64> bytes{};
  std::size_t size = bytes.size();
  const int status = read(bytes.data(), &size);
  if (status >= 0) serial.assign(bytes.data(), size);
  return status;
}

}  // namespace

Result<RevokedCertificates> RevokedCertificates::load(const std::filesystem::path& file) {
  gnutls_datum_t text{};
  if (const int error = gnutls_load_file(file.c_str(), &text); error != 0) return tls_failure(file, error);
  gnutls_x509_crl_t* raw = nullptr;
  unsigned count = 0;
  const int imported = gnutls_x509_crl_list_import2(&raw, &count, &text, GNUTLS_X509_FMT_PEM, 0);
  gnutls_free(text.data);
  if (imported < 0) return tls_failure(file, imported);
  const std::vector<Crl> lists(raw, raw + count);
  gnutls_free(raw);

  RevokedCertificates revoked;
  for (const Crl& list : lists) {
    gnutls_datum_t issuer{};
    if (const int error = gnutls_x509_crl_get_raw_issuer_dn(list.get(), &issuer); error != 0) {
      return tls_failure(file, error);
    }
    auto& serials = revoked.serials_[take(issuer)];
    gnutls_x509_crl_iter_t iterator = nullptr;
    int status = 0;
    for (std::string serial; status >= 0;) {
      status = read_serial(serial, [&](char* bytes, std::size_t* size) {
        return gnutls_x509_crl_iter_crt_serial(list.get(), &iterator, reinterpret_cast<unsigned char*>(bytes), size,
                                               nullptr);
      });
      if (status >= 0) serials.insert(serial);
    }
    gnutls_x509_crl_iter_deinit(iterator);
    if (status != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return tls_failure(file, status);
  }
  return revoked;
}

bool RevokedCertificates::hold_any_of(std::span<const gnutls_datum_t> chain) const {
  if (serials_.empty()) return false;
  for (const gnutls_datum_t& der : chain) {
    gnutls_x509_crt_t raw = nullptr;
    if (gnutls_x509_crt_init(&raw) != 0) return true;
    const X509 certificate(raw);
    gnutls_datum_t issuer{};
    std::string serial;
    const auto get_serial = [&](char* bytes, std::size_t* size) {
      return gnutls_x509_crt_get_serial(raw, bytes, size);
    };
    // One that can't be read may be on a list.
    if (gnutls_x509_crt_import(raw, &der, GNUTLS_X509_FMT_DER) != 0 ||
        gnutls_x509_crt_get_raw_issuer_dn(raw, &issuer) != 0) {
      return true;
    }
    const auto serials = serials_.find(take(issuer));
    if (serials == serials_.end()) continue;
    if (read_serial(serial, get_serial) < 0 || serials->second.contains(serial)) return true;
  }
  return false;
}

}  // namespace mpquic::quic
