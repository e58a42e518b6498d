#pragma once

#include <cstdint>
#include <ctime>
#include <vector>

#include "certs/x509.h"

// Fields of a revocation list, for the sources of this folder only.
namespace mpquic::certs {

struct RevokedSerial {
  std::vector<std::uint8_t> serial;  ///< of the certificate, as its DER has it
  std::time_t since = 0;
};

/// All of them or an error, in the order of the list.
Result<std::vector<RevokedSerial>> revoked_serials(const Crl& list);

/// cRLNumber (RFC 5280, 5.2.3), big-endian without leading zeros; empty: none, or 0.
std::vector<std::uint8_t> number_of(const Crl& list);

/// Whether this authority, which may sign lists, has signed this one. Dates do not count.
bool is_signed_by(const Crl& list, const X509& authority);

}  // namespace mpquic::certs
