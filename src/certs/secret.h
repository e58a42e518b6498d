#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace mpquic::certs {

using Secret = std::array<std::uint8_t, 32>;

/// HKDF-SHA256 (RFC 5869) over the private key as its PEM file has it (of `mpquic cert`: the DER of PKCS#8), salt
/// "mpquic", the label as info: the same file always yields the same secret, another label an unrelated one, and
/// neither tells anything about the key. So a server's stateless reset key survives a restart without a file of state
/// (RFC 9000 10.3.2), and a renewed certificate too.
Result<Secret> derive_secret(const std::filesystem::path& key, std::string_view label);

}  // namespace mpquic::certs
