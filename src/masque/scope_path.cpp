// The URI template "/.well-known/masque/ip/{target}/{ipproto}/" (RFC 9484, 3 and 4.6), there and back.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "masque/characters.h"
#include "masque/scope.h"

namespace mpquic::masque {
namespace {

constexpr std::string_view prefix_of_paths = "/.well-known/masque/ip/";
constexpr std::string_view anything = "*";
constexpr std::size_t name_size_max = 255;  // RFC 3986, 3.2.2

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::optional<unsigned> hexadecimal(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// nullopt: a '%' without two digits behind it.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, 2);
    const auto byte = digits.size() == 2 ? hexadecimal(digits) : std::nullopt;
    if (!byte) return std::nullopt;
    decoded += static_cast<char>(*byte);
    i += 2;
  }
  return decoded;
}

/// 1 to `digits_max` digits that say a number up to `most`.
std::optional<unsigned> decimal(std::string_view digits, std::size_t digits_max, unsigned most) {
  if (digits.empty() || digits.size() > digits_max || !std::ranges::all_of(digits, is_digit)) return std::nullopt;
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value <= most ? std::optional(value) : std::nullopt;
}

/// IPv6prefix / IPv4prefix. Host bits that are set are an error.
std::optional<packet::Prefix> parse_prefix(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = packet::Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return packet::Prefix(*address);
  const auto length = decimal(text.substr(slash + 1), address->is_ipv4() ? 2 : 3, address->bits());
  if (!length) return std::nullopt;
  const packet::Prefix prefix(*address, *length);
  return prefix.address() == *address ? std::optional(prefix) : std::nullopt;
}

/// reg-name of RFC 3986 (3.2.2). What is no DNS name among those is found out when it is looked up.
bool is_name(std::string_view text) {
  if (text.empty() || text.size() > name_size_max) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const std::string_view digits = text.substr(i + 1, 2);
      if (digits.size() != 2 || !hexadecimal(digits)) return false;
      i += 2;
    } else if (!is_unreserved(text[i]) && !is_sub_delimiter(text[i])) {
      return false;
    }
  }
  return true;
}

std::expected<Scope, PathError> parse_variables(std::string_view target, std::string_view protocol) {
  Scope scope;
  if (target != anything) {
    if (const auto prefix = parse_prefix(target)) {
      scope.target = *prefix;
    } else if (is_name(target)) {
      scope.target = std::string(target);
    } else {
      return std::unexpected(PathError::malformed);
    }
  }
  if (protocol != anything) {
    const auto number = decimal(protocol, 3, 255);
    if (!number) return std::unexpected(PathError::malformed);
    scope.protocol = static_cast<std::uint8_t>(*number);
  }
  return scope;
}

}  // namespace

std::string Scope::path() const {
  std::string text(anything);
  if (const auto* prefix = std::get_if<packet::Prefix>(&target)) {
    text = percent_encoded(prefix->is_host() ? prefix->address().to_string() : prefix->to_string());
  } else if (const auto* name = std::get_if<std::string>(&target)) {
    text = percent_encoded(*name);
  }
  return fmt::format("{}{}/{}/", prefix_of_paths, text, protocol ? fmt::to_string(*protocol) : anything);
}

std::expected<Scope, PathError> parse_path(std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (!path.starts_with(prefix_of_paths) || !path.ends_with('/')) return std::unexpected(PathError::not_ours);
  std::string_view target = path.substr(prefix_of_paths.size());
  const auto first_end = target.find('/');
  if (first_end == std::string_view::npos) return std::unexpected(PathError::not_ours);
  std::string_view protocol = target.substr(first_end + 1);
  target = target.substr(0, first_end);
  if (protocol.empty() || protocol.find('/') != protocol.size() - 1) return std::unexpected(PathError::not_ours);
  protocol.remove_suffix(1);

  // The colons of an address have to be encoded, so they can be seen only before decoding.
  const auto decoded_target = percent_decoded(target);
  const auto decoded_protocol = percent_decoded(protocol);
  if (target.contains(':') || !decoded_target || !decoded_protocol) return std::unexpected(PathError::malformed);
  return parse_variables(*decoded_target, *decoded_protocol);
}

}  // namespace mpquic::masque
