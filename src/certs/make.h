#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

// A certificate authority in one directory: ca.pem and ca.key, server.pem and server.key, NAME.pem and NAME.key.
// Keys are ECDSA P-256, in PKCS#8 without a password, mode 0600 from their first byte on; certificates are X.509v3
// signed with SHA-256 (RFC 5280). Both files of a pair appear whole and together, or nothing changes.
namespace mpquic::certs {

/// The server_name that a client's configuration has by default. Every server certificate answers to it too, so a
/// client needs no server_name as long as all servers of its authority are one another's equals.
inline constexpr std::string_view default_server_name = "mpquic-server";

inline constexpr std::string_view default_authority_name = "mpquic CA";

/// What to do when the pair, or half of it, is there already.
enum class Existing : std::uint8_t {
  refuse,   ///< an error that names the file
  replace,  ///< a new key and a new certificate
  renew,    ///< a new certificate for the key that is there, which must be; and what derives from the key lives on
};

struct Options {
  /// 1 to 36500 days; by default ten years for an authority, two for the others. What the authority signs ends no
  /// later than itself: the default is shortened to that, a wish beyond it is an error.
  std::optional<std::chrono::days> valid;
  Existing existing = Existing::refuse;
  /// Certificates are valid from five minutes before, for clocks that are a little behind.
  std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
};

struct Pair {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

/// ca.pem and ca.key; makes the directory too. `name` (the common name, 1 to 64 bytes) may be empty: the default, or
/// when renewing the name it has, which can't change: what the authority signed refers to it. Certificates signed
/// before stay good after a renewal, none does after a replacement.
Result<Pair> make_authority(const std::filesystem::path& directory, std::string_view name, const Options& options);

/// server.pem and server.key, for TLS servers only. Each name that parses as an IP address becomes an iPAddress
/// subjectAltName, the others dNSNames; default_server_name is added. When renewing, no names means the ones it has.
Result<Pair> make_server(const std::filesystem::path& directory, std::span<const std::string> names,
                         const Options& options);

/// NAME.pem and NAME.key, for TLS clients only. The name is the common name and stands nowhere else: who a peer is has
/// one place, and a subjectAltName could pass for a host's.
Result<Pair> make_client(const std::filesystem::path& directory, std::string_view name, const Options& options);

/// An IP address, or a DNS name of letters, digits, hyphens and dots whose first label may be "*".
Result<void> check_server_name(std::string_view name);

/// 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit; not "ca", "server" or
/// "crl".
Result<void> check_client_name(std::string_view name);

}  // namespace mpquic::certs
