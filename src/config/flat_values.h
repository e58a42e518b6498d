#pragma once

#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/model.h"

namespace mpquic::config {

// As values.h, for what only flat instance files have.

/// Where a client's packets leave: by an interface, or from an address, wherever that is.
struct Exit {
  std::string interface;
  std::optional<packet::Address> source;
};

Result<Exit> parse_exit(std::string_view text);                          ///< "if:NAME" or ADDRESS
Result<packet::Address> parse_listening_address(std::string_view text);  ///< of a server
Result<std::uint16_t> parse_port(std::string_view text);                 ///< 1 to 65535
Result<unsigned> parse_flat_priority(std::string_view text);             ///< 0 to 65535
Result<PathPolicy> parse_flat_policy(std::string_view text);             ///< "priority" is failover
Result<LogLevel> parse_flat_level(std::string_view text);                ///< "warn" is "warning"

/// A parser of words that may be written in small or in capital letters.
template <class Parse>
auto lower(Parse parse) {
  return [parse](std::string_view text) {
    std::string lowered(text);
    for (char& c : lowered) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return parse(lowered);
  };
}

/// The entry for whoever gets into a flat server's tunnel: has an address of the tunnel, and behind it a LAN whose
/// addresses nobody has hidden.
Client everybody_behind(const ServerTunnel& tunnel);

}  // namespace mpquic::config
