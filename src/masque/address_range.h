#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "packet/address.h"

namespace mpquic::masque {

/// The addresses from `first` to `last`, both included and of one family; `first` is not above `last`.
struct AddressRange {
  packet::Address first;
  packet::Address last;
  std::uint8_t protocol = 0;  ///< of what may be sent there; 0: all. ICMP always may

  bool operator==(const AddressRange&) const = default;
};

/// The order in which RFC 9484 (4.7.3) wants ranges: by family, protocol, address.
std::strong_ordering order(const AddressRange& a, const AddressRange& b);

/// The same addresses as the prefixes have together: in order, overlapping and adjacent ones made one.
std::vector<AddressRange> ranges_of(std::vector<packet::Prefix> prefixes, std::uint8_t protocol = 0);

/// The first of the ranges with an address that none of the prefixes has; nullptr: there is none. Cheap, whatever the
/// ranges are; to take them apart into prefixes is not.
const AddressRange* first_outside(std::span<const AddressRange> ranges, std::vector<packet::Prefix> prefixes);

/// The fewest prefixes that have these addresses and no others, range by range; protocols are not looked at. One range
/// of IPv4 can take 62 prefixes, one of IPv6 254: a capsule of 256 KiB a million and a half, and half a second.
std::vector<packet::Prefix> prefixes_of(std::span<const AddressRange> ranges);

}  // namespace mpquic::masque
