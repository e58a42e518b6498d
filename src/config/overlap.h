#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "config/place.h"
#include "packet/address.h"

namespace mpquic::config {

/// A prefix and whose it is.
struct Claim {
  packet::Prefix prefix;
  Place place;
  std::size_t owner = 0;
};

/// Calls `report(claim, other)` for each claim that overlaps one of another owner (`other` is then one of those) or, if
/// there is none, an earlier one of the same owner. `other` stands before `claim` in the file. Takes n log n steps: a
/// server may have tens of thousands of prefixes.
void for_each_overlap(std::vector<Claim> claims, const std::function<void(const Claim&, const Claim&)>& report);

}  // namespace mpquic::config
