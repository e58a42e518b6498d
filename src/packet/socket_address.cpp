#include "packet/socket_address.h"

#include <charconv>

namespace mpquic::packet {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return port;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_port(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);

  // Brackets are what tells an IPv6 address with a port from one without, so they belong to IPv6 alone.
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = Address::parse(host);
  if (!port || !address || address->is_ipv4() == bracketed) return std::nullopt;
  return SocketAddress{*address, *port};
}

std::string SocketAddress::to_string() const {
  const std::string host = address.is_ipv4() ? address.to_string() : "[" + address.to_string() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace mpquic::packet

std::size_t std::hash<mpquic::packet::SocketAddress>::operator()(
    const mpquic::packet::SocketAddress& socket_address) const noexcept {
  const std::size_t address = std::hash<mpquic::packet::Address>{}(socket_address.address);
  return (address ^ socket_address.port) * 0x9e3779b97f4a7c15;
}
