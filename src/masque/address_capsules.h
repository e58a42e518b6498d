#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "packet/address.h"

namespace mpquic::masque {

/// One address or prefix that is asked for, or given.
struct AddressEntry {
  /// Of the request, never 0; of an assignment: which request it answers, 0 when it answers none.
  std::uint64_t request_id = 0;
  /// In a request the all-zero address says "any", still with the length that is wanted.
  packet::Prefix prefix;

  bool operator==(const AddressEntry&) const = default;
  /// In an assignment: the request is not granted (RFC 9484, 4.7.2).
  bool is_rejection() const { return prefix.is_host() && prefix.address().is_unspecified(); }
};

/// "Any" in a request; in an assignment, together with the request's id: none.
packet::Prefix no_address(packet::Address::Family family);

/// The value of an ADDRESS_ASSIGN capsule (RFC 9484, 4.7.1): all that the receiver now has, so possibly nothing.
Result<std::vector<AddressEntry>> parse_address_assign(Bytes value);
/// The value of an ADDRESS_REQUEST capsule (RFC 9484, 4.7.2): one entry at least, each with an id of its own. That an
/// id is not that of an earlier capsule (which the RFC wants as well) is for the caller to see.
Result<std::vector<AddressEntry>> parse_address_request(Bytes value);

/// Append the whole capsule, type and length included.
void append_address_assign(std::vector<std::uint8_t>& to, std::span<const AddressEntry> entries);
void append_address_request(std::vector<std::uint8_t>& to, std::span<const AddressEntry> entries);

}  // namespace mpquic::masque
