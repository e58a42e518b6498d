#pragma once

#include <chrono>
#include <filesystem>
#include <string_view>

#include "certs/issue.h"
#include "certs/make.h"

// The certificate authority of a directory, for the sources of this folder only.
namespace mpquic::certs {

inline constexpr mode_t public_mode = 0644;  ///< of certificates and revocation lists
inline constexpr mode_t secret_mode = 0600;  ///< of keys and tokens

Pair pair_in(const std::filesystem::path& directory, std::string_view name);

/// What the options say, or by default, within the limits that they have.
Result<std::chrono::days> validity(const Options& options, std::chrono::days by_default);

struct Authority {
  Issuer issuer;
  std::chrono::system_clock::time_point not_after;
};

/// ca.pem and ca.key: there, belonging together, not expired.
Result<Authority> load_authority(const std::filesystem::path& directory, std::chrono::system_clock::time_point now);

}  // namespace mpquic::certs
