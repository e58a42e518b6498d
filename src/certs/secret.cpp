#include "certs/secret.h"

#include <gnutls/crypto.h>

#include "certs/x509.h"

namespace mpquic::certs {

Result<Secret> derive_secret(const std::filesystem::path& key, std::string_view label) {
  const auto bytes = read_private_key_bytes(key);
  if (!bytes) return std::unexpected(bytes.error());
  std::array<std::uint8_t, 6> salt_bytes{'m', 'p', 'q', 'u', 'i', 'c'};
  const gnutls_datum_t salt{salt_bytes.data(), salt_bytes.size()};
  std::vector<std::uint8_t> info_bytes(label.begin(), label.end());
  const gnutls_datum_t info{info_bytes.data(), static_cast<unsigned>(info_bytes.size())};
  Secret extracted{}, secret{};
  const gnutls_datum_t pseudorandom_key{extracted.data(), extracted.size()};
  int status = gnutls_hkdf_extract(GNUTLS_MAC_SHA256, bytes->get(), &salt, extracted.data());
  if (status >= 0) {
    status = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &pseudorandom_key, &info, secret.data(), secret.size());
  }
  gnutls_memset(extracted.data(), 0, extracted.size());
  if (status < 0) return tls_failure(key.string() + ": can't derive a secret", status);
  return secret;
}

}  // namespace mpquic::certs
