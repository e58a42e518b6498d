#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "certs/names.h"
#include "certs/x509.h"

namespace mpquic::certs {

enum class Role : std::uint8_t { authority, server, client };

/// What a new certificate is to say.
struct Request {
  Role role;
  std::string common_name;
  AlternativeNames names;
  std::chrono::system_clock::time_point not_before;
  std::chrono::system_clock::time_point not_after;
};

/// Who signs.
struct Issuer {
  X509 certificate;
  PrivateKey key;
};

Result<PrivateKey> generate_key();

/// A certificate for the public half of `key`, signed by the issuer, or by itself (nullptr).
Result<X509> issue(const Request& request, const PrivateKey& key, const Issuer* issuer);

Result<Datum> to_pem(const X509& certificate);
Result<Datum> to_pem(const PrivateKey& key);

/// What other certificates know this one by: the subject name (DER) and the subject key identifier.
struct Identity {
  std::vector<std::uint8_t> subject;
  std::vector<std::uint8_t> key_id;
  bool operator==(const Identity&) const = default;
};
Result<Identity> identity(const X509& certificate);

}  // namespace mpquic::certs
