#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "masque/address_range.h"

namespace mpquic::masque {

/// The value of a ROUTE_ADVERTISEMENT capsule (RFC 9484, 4.7.3): all that the sender routes from now on, so possibly
/// nothing. What it gives has been checked in full, the optional check included: families and protocols ascend, ranges
/// of one protocol do not overlap, and none overlaps a range for all protocols.
Result<std::vector<AddressRange>> parse_route_advertisement(Bytes value);

/// Appends the whole capsule. The ranges are as parse_route_advertisement() would take them, as those of one call of
/// ranges_of() are.
void append_route_advertisement(std::vector<std::uint8_t>& to, std::span<const AddressRange> ranges);

}  // namespace mpquic::masque
