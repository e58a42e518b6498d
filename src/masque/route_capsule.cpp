#include "masque/route_capsule.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "masque/capsule.h"
#include "masque/fields.h"

namespace mpquic::masque {
namespace {

std::string text(const AddressRange& range) {
  return fmt::format("{} to {}, protocol {}", range.first.to_string(), range.last.to_string(), range.protocol);
}

Result<AddressRange> read_range(Fields& fields) {
  const auto version = fields.version();
  if (!version) return std::unexpected(version.error());
  const auto first = fields.address(*version);
  if (!first) return std::unexpected(first.error());
  const auto last = fields.address(*version);
  if (!last) return std::unexpected(last.error());
  const auto protocol = fields.byte();
  if (!protocol) return std::unexpected(protocol.error());
  const AddressRange range{*first, *last, *protocol};
  if (range.first > range.last) return failure("{}: ends before it begins", text(range));
  return range;
}

Result<void> check_neighbours(const AddressRange& before, const AddressRange& after) {
  const bool is_same_kind = before.first.family() == after.first.family() && before.protocol == after.protocol;
  if (order(before, after) > 0) return failure("{} stands before {}", text(before), text(after));
  if (is_same_kind && before.last >= after.first) return failure("{} overlaps {}", text(before), text(after));
  return {};
}

/// `for_all` are the ranges of one family for all protocols, in order and apart from each other.
const AddressRange* overlapping(std::span<const AddressRange> for_all, const AddressRange& range) {
  const auto candidate = std::ranges::lower_bound(for_all, range.first, {}, &AddressRange::last);
  return candidate != for_all.end() && candidate->first <= range.last ? &*candidate : nullptr;
}

/// Ranges of one family whose neighbours have been checked.
Result<void> check_against_all_protocols(std::span<const AddressRange> ranges) {
  const auto others = std::ranges::find_if(ranges, [](const AddressRange& range) { return range.protocol != 0; });
  const std::span<const AddressRange> for_all(ranges.begin(), others);
  for (const AddressRange& range : std::span(others, ranges.end())) {
    if (const AddressRange* both = overlapping(for_all, range)) {
      return failure("{} overlaps {}", text(*both), text(range));
    }
  }
  return {};
}

Result<void> check(std::span<const AddressRange> ranges) {
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (const auto checked = check_neighbours(ranges[i - 1], ranges[i]); !checked) return checked;
  }
  const auto ipv6 = std::ranges::find_if(ranges, [](const AddressRange& range) { return !range.first.is_ipv4(); });
  if (const auto checked = check_against_all_protocols({ranges.begin(), ipv6}); !checked) return checked;
  return check_against_all_protocols({ipv6, ranges.end()});
}

}  // namespace

Result<std::vector<AddressRange>> parse_route_advertisement(Bytes value) {
  std::vector<AddressRange> ranges;
  Fields fields(value);
  while (!fields.empty()) {
    const auto range = read_range(fields);
    if (!range) return failure("ROUTE_ADVERTISEMENT, range {}: {}", ranges.size() + 1, range.error().message);
    ranges.push_back(*range);
  }
  if (const auto checked = check(ranges); !checked) {
    return failure("ROUTE_ADVERTISEMENT: {}", checked.error().message);
  }
  return ranges;
}

void append_route_advertisement(std::vector<std::uint8_t>& to, std::span<const AddressRange> ranges) {
  assert(check(ranges));
  std::vector<std::uint8_t> value;
  for (const AddressRange& range : ranges) {
    append_version(value, range.first);
    append_address(value, range.first);
    append_address(value, range.last);
    value.push_back(range.protocol);
  }
  append_capsule(to, CapsuleType::route_advertisement, value);
}

}  // namespace mpquic::masque
