#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/handle.h"
#include "base/result.h"

// GnuTLS handles and PEM files, for the sources of this folder only.
namespace mpquic::certs {

using X509 = std::unique_ptr<gnutls_x509_crt_int, Deleter<gnutls_x509_crt_deinit>>;
using PrivateKey = std::unique_ptr<gnutls_x509_privkey_int, Deleter<gnutls_x509_privkey_deinit>>;
using Crl = std::unique_ptr<gnutls_x509_crl_int, Deleter<gnutls_x509_crl_deinit>>;

/// Bytes that GnuTLS allocated, wiped before they are freed: they may be a private key.
class Datum {
 public:
  Datum() = default;
  Datum(Datum&& other) noexcept : datum_(std::exchange(other.datum_, {})) {}
  Datum& operator=(Datum&& other) noexcept {
    std::swap(datum_, other.datum_);
    return *this;
  }
  ~Datum() {
    if (datum_.data != nullptr) gnutls_memset(datum_.data, 0, datum_.size);
    gnutls_free(datum_.data);
  }

  gnutls_datum_t* get() { return &datum_; }
  const gnutls_datum_t* get() const { return &datum_; }
  Bytes bytes() const { return {datum_.data, datum_.size}; }

 private:
  gnutls_datum_t datum_{};
};

/// Runs every step and remembers the first that failed.
class Steps {
 public:
  void operator()(int status) {
    if (status_ >= 0) status_ = status;
  }
  int status() const { return status_; }

 private:
  int status_ = 0;
};

/// "WHAT: what GnuTLS says about this negative status"
std::unexpected<Error> tls_failure(std::string_view what, int status);

X509 new_certificate();
PrivateKey new_private_key();
Crl new_revocation_list();

/// All certificates of a PEM file, in its order; at least one.
Result<std::vector<X509>> read_certificates(const std::filesystem::path& path);

/// All certificate revocation lists of a PEM file, in its order; at least one.
Result<std::vector<Crl>> read_revocation_lists(const std::filesystem::path& path);
/// Whether that is what is in the file.
Result<bool> holds_revocation_list(const std::filesystem::path& path);

/// The private key of a PEM file: PKCS#8 without a password, or the older forms of one algorithm.
Result<PrivateKey> read_private_key(const std::filesystem::path& path);

/// The DER bytes of that private key exactly as the file has them. GnuTLS writes what it has read in a form of its own,
/// which another version of it may write otherwise.
Result<Datum> read_private_key_bytes(const std::filesystem::path& path);

/// check_pair() of what is already read; the paths are for the message.
Result<void> check_pair(const X509& certificate, const std::filesystem::path& certificate_path, const PrivateKey& key,
                        const std::filesystem::path& key_path);

}  // namespace mpquic::certs
