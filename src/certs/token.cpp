#include "certs/token.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <array>
#include <new>

#include "certs/authority.h"
#include "certs/contents.h"
#include "certs/words.h"
#include "certs/write_files.h"

namespace mpquic::certs {
namespace {

constexpr std::string_view hash_prefix = "sha256:";
constexpr std::size_t hash_size = 32;
constexpr unsigned least_bits = 128;
constexpr std::size_t longest_token = 1024;  // more does not belong into a header

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hexadecimal(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_of_token(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-._~+/").find(c) != std::string_view::npos;
}

/// b64token (RFC 6750, 2.1): padding, if any, comes last.
bool is_token(std::string_view text) {
  const std::size_t end = text.find_last_not_of('=') + 1;
  return end != 0 && std::ranges::all_of(text.substr(0, end), is_of_token);
}

/// The most that so many characters can be worth, in bits.
std::size_t bits_in(std::string_view token) {
  token = token.substr(0, token.find('='));
  if (std::ranges::all_of(token, is_digit)) return token.size() * 10 / 3;
  return token.size() * (std::ranges::all_of(token, is_hexadecimal) ? 4 : 6);
}

}  // namespace

Result<std::string> make_token() {
  std::array<std::uint8_t, 32> secret{};
  if (const int status = gnutls_rnd(GNUTLS_RND_KEY, secret.data(), secret.size()); status < 0) {
    return tls_failure("can't make a token", status);
  }
  const gnutls_datum_t bytes{secret.data(), secret.size()};
  Datum text;
  const int status = gnutls_base64_encode2(&bytes, text.get());
  gnutls_memset(secret.data(), 0, secret.size());
  if (status < 0) return tls_failure("can't make a token", status);
  std::string token(text.bytes().begin(), text.bytes().end());
  token.erase(token.find_last_not_of('=') + 1);
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  return token;
}

std::string hash_of_token(std::string_view token) {
  std::array<std::uint8_t, hash_size> hash{};
  // It fails for want of memory alone.
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token.data(), token.size(), hash.data()) < 0) throw std::bad_alloc();
  return std::string(hash_prefix) + hexadecimal(hash);
}

Result<std::string> parse_token_hash(std::string_view text) {
  std::string hash(text);
  const std::string_view digits = text.substr(std::min(text.size(), hash_prefix.size()));
  if (!text.starts_with(hash_prefix) || digits.size() != 2 * hash_size ||
      !std::ranges::all_of(digits, is_hexadecimal)) {
    return failure("this is not \"{}\" with {} hexadecimal digits behind it, as mpquic token new shows it", hash_prefix,
                   2 * hash_size);
  }
  std::ranges::transform(hash, hash.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  return hash;
}

Result<std::string> read_token(const std::filesystem::path& path) {
  const auto contents = Contents::read(path);
  if (!contents) return std::unexpected(contents.error());
  if ((contents->permissions() & 077) != 0) {
    return failure("{}: a token that others than its owner may open, mode {:04o} (did you mean chmod 600?)",
                   path.string(), contents->permissions());
  }
  std::string_view token = contents->text();
  if (token.ends_with('\n')) token.remove_suffix(1);
  if (!is_token(token) || token.size() > longest_token) {
    return failure("{}: no token: one line of letters, digits and any of -._~+/", path.string());
  }
  if (bits_in(token) < least_bits) {
    return failure("{}: a token of less than {} bits could be guessed (mpquic token new makes one)", path.string(),
                   least_bits);
  }
  return std::string(token);
}

Result<NewToken> make_token_file(const std::filesystem::path& directory, std::string_view name, bool replace) {
  if (const auto safe = check_client_name(name); !safe) return std::unexpected(safe.error());
  const auto token = make_token();
  if (!token) return std::unexpected(token.error());
  const std::filesystem::path path = directory / (std::string(name) + ".token");
  std::error_code error;
  if (!replace && std::filesystem::exists(std::filesystem::symlink_status(path, error))) {
    return failure("{} is there already (--force replaces it)", path.string());
  }
  std::filesystem::create_directories(directory, error);
  if (error) return failure("{}: {}", directory.string(), error.message());
  const std::string line = *token + "\n";
  const Bytes bytes(reinterpret_cast<const std::uint8_t*>(line.data()), line.size());
  const std::array files{NewFile{path, bytes, secret_mode}};
  if (const auto written = write_files(files, replace); !written) return std::unexpected(written.error());
  return NewToken{path, hash_of_token(*token)};
}

}  // namespace mpquic::certs
