#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

// Bearer tokens (RFC 6750): who a client is, where no certificate says so. The client's file holds the token; the
// server's configuration holds its hash, "sha256:" and 64 hexadecimal digits, which lets nobody in. A plain hash,
// without salt or rounds: those slow down who tries likely passwords one by one, and 256 random bits are no likely
// password.
namespace mpquic::certs {

/// 256 random bits, as 43 characters of base64url without padding (RFC 4648, 5).
Result<std::string> make_token();

/// What the server's configuration has of the token.
std::string hash_of_token(std::string_view token);

/// Such a hash as hash_of_token() writes it. The error does not repeat the text, which may be a token by mistake.
Result<std::string> parse_token_hash(std::string_view text);

/// The token in a file: one line, of characters that a bearer token may have (RFC 6750, 2.1), 128 bits at least. An
/// error as well: others than the owner may open the file.
Result<std::string> read_token(const std::filesystem::path& path);

struct NewToken {
  std::filesystem::path file;
  std::string hash;
};

/// NAME.token in the directory, which is made if need be, mode 0600 from the first byte on. `replace`: one that is
/// there.
Result<NewToken> make_token_file(const std::filesystem::path& directory, std::string_view name, bool replace);

}  // namespace mpquic::certs
