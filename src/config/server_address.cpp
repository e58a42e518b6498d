#include "config/server_address.h"

#include <algorithm>

#include "config/problems.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

// RFC 1035, section 2.3.4, of a name as it is written.
constexpr std::size_t longest_name = 253, longest_label = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= longest_label && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, [](char c) { return is_digit(c) || is_letter(c) || c == '-'; });
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

std::optional<packet::SocketAddress> ServerAddress::socket_address() const {
  if (!address) return std::nullopt;
  return packet::SocketAddress{*address, port};
}

std::string ServerAddress::to_string() const {
  return address ? socket_address()->to_string() : fmt::format("{}:{}", host, port);
}

bool is_host_name(std::string_view text) {
  if (text.size() > longest_name) return false;
  for (;;) {
    const auto dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit);
    text.remove_prefix(dot + 1);
  }
}

Result<ServerAddress> parse_server_host(std::string_view text) {
  if (const auto address = packet::Address::parse(text)) {
    if (address->is_unspecified()) return failure("{} is no address to send to", in_quotes(text));
    if (address->is_multicast()) return failure("{} is a multicast address", in_quotes(text));
    return ServerAddress{address->to_string(), address, 0};
  }
  if (!is_host_name(text)) return failure("{} is neither an IP address nor a host name", in_quotes(text));
  return ServerAddress{in_lower_case(text), std::nullopt, 0};
}

Result<ServerAddress> parse_server(std::string_view text) {
  if (is_host_name(text)) return failure("{} has no port (did you mean {}:45010?)", in_quotes(text), text);
  const auto parts =
      split_host_port(text, "HOST:PORT, such as vps.example.net:45010, 192.0.2.1:45010 or [2001:db8::1]:45010");
  if (!parts) return std::unexpected(parts.error());
  auto server = parse_server_host(parts->host);
  if (server) server->port = parts->port;
  return server;
}

}  // namespace mpquic::config
