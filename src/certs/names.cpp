#include "certs/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "certs/make.h"

namespace mpquic::certs {
namespace {

constexpr std::size_t longest_common_name = 64;

// Not <cctype>: what a name may hold does not depend on the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<std::vector<std::uint8_t>> parse_ip_address(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return std::vector(bytes.begin(), bytes.begin() + 4);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return std::vector(bytes.begin(), bytes.end());
  return std::nullopt;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

// RFC 1123 2.1. All digits in the last label can only be an IP address gone wrong.
bool is_dns_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit);
    name.remove_prefix(dot + 1);
  }
}

template <class T>
void add_once(std::vector<T>& list, T item) {
  if (std::ranges::find(list, item) == list.end()) list.push_back(std::move(item));
}

}  // namespace

Result<AlternativeNames> parse_server_names(std::span<const std::string> names) {
  AlternativeNames result;
  for (const std::string& name : names) {
    if (auto address = parse_ip_address(name)) {
      add_once(result.ip_addresses, std::move(*address));
    } else if (is_dns_name(name)) {
      std::string dns = name;
      std::ranges::transform(dns, dns.begin(), lower);
      add_once(result.dns, std::move(dns));
    } else {
      return failure("\"{}\" is neither an IP address nor a DNS name", name);
    }
  }
  return result;
}

Result<void> check_server_name(std::string_view name) {
  const std::string one(name);
  const auto names = parse_server_names({&one, 1});
  if (!names) return std::unexpected(names.error());
  return {};
}

Result<void> check_common_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= longest_common_name;
  const bool clean = std::ranges::none_of(name, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
  if (!fits || !clean) return failure("\"{}\" is no name of 1 to {} printable characters", name, longest_common_name);
  return {};
}

Result<void> check_client_name(std::string_view name) {
  const bool safe =
      !name.empty() && name.size() <= longest_common_name && is_letter_or_digit(name.front()) &&
      std::ranges::all_of(name, [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_'; });
  if (!safe) {
    return failure("\"{}\" can't name a client: 1 to {} letters, digits, '.', '-' and '_', a letter or digit first",
                   name, longest_common_name);
  }
  if (name == "ca" || name == "server" || name == "crl") {
    return failure("\"{}\" is the file name of something else", name);
  }
  return {};
}

}  // namespace mpquic::certs
