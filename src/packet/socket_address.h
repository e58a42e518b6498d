#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "packet/address.h"

namespace mpquic::packet {

/// One end of an outer UDP packet: an IP address and a port in host byte order.
struct SocketAddress {
  Address address;
  std::uint16_t port = 0;

  /// "192.0.2.1:45010" or "[2001:db8::1]:45010" (RFC 3986, section 3.2.2); the port is 0 to 65535 and must be there.
  static std::optional<SocketAddress> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const SocketAddress&) const = default;
};

}  // namespace mpquic::packet

template <>
struct std::hash<mpquic::packet::SocketAddress> {
  std::size_t operator()(const mpquic::packet::SocketAddress& socket_address) const noexcept;
};
