#pragma once

#include <gnutls/gnutls.h>

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <unordered_set>

#include "base/result.h"

namespace mpquic::quic {

/// Serial numbers of revoked certificates, by issuer (RFC 5280, 5). GnuTLS can look through lists by itself, but from
/// the beginning to the end for each handshake: a third of a millisecond for every thousand entries.
class RevokedCertificates {
 public:
  /// All lists of a PEM file. That their authorities have signed them is the caller's business.
  static Result<RevokedCertificates> load(const std::filesystem::path& file);

  /// Whether one of these certificates (DER) is revoked.
  bool hold_any_of(std::span<const gnutls_datum_t> chain) const;

 private:
  std::map<std::string, std::unordered_set<std::string>> serials_;  ///< both as their DER is
};

}  // namespace mpquic::quic
