#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "packet/address.h"
#include "packet/socket_address.h"

namespace mpquic::config {

/// Where a tunnel's server is reached: at an address, or at those that a name has whenever the tunnel dials.
struct ServerAddress {
  std::string host;                        ///< an address without brackets, or a name in lower case
  std::optional<packet::Address> address;  ///< none: the host is a name
  std::uint16_t port = 0;                  ///< 0: could not be read

  bool is_name() const { return !address; }
  /// Nothing if it takes a look-up.
  std::optional<packet::SocketAddress> socket_address() const;
  /// "vps.example.net:45010", "192.0.2.1:45010" or "[2001:db8::1]:45010".
  std::string to_string() const;

  bool operator==(const ServerAddress&) const = default;
};

/// By RFC 1123, section 2.1: letters, digits and inner hyphens, and the last label is no number.
bool is_host_name(std::string_view text);

/// HOST:PORT, port 1 to 65535.
Result<ServerAddress> parse_server(std::string_view text);
/// The host alone; the port stays 0.
Result<ServerAddress> parse_server_host(std::string_view text);

}  // namespace mpquic::config
