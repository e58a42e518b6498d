#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "packet/address.h"

namespace mpquic::masque {

/// The value of a DNS_SERVERS capsule, which is mpquic's own (docs/protocol.md): all that the receiver may ask, the
/// first one first, possibly nobody.
Result<std::vector<packet::Address>> parse_dns_servers(Bytes value);

/// Appends the whole capsule, type and length included.
void append_dns_servers(std::vector<std::uint8_t>& to, std::span<const packet::Address> servers);

}  // namespace mpquic::masque
