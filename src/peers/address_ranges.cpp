#include "peers/address_ranges.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>

namespace mpquic::peers {
namespace {

using packet::Address;

/// The address one above or below, wherever that is.
Address neighbour(const Address& address, bool above) {
  std::array<std::uint8_t, 16> bytes{};
  const Bytes given = address.bytes();
  std::ranges::copy(given, bytes.begin());
  for (std::size_t i = given.size(); i-- > 0;) {
    const std::uint8_t before = bytes[i];
    bytes[i] = static_cast<std::uint8_t>(above ? before + 1 : before - 1);
    if (before != (above ? 0xff : 0)) break;  // nothing to carry
  }
  return Address::from_bytes(Bytes(bytes).first(given.size()));
}

bool is_lowest(const Address& address) { return address.is_unspecified(); }
bool is_highest(const Address& address) {
  return std::ranges::all_of(address.bytes(), [](std::uint8_t byte) { return byte == 0xff; });
}

}  // namespace

// What overlaps or touches becomes one range.
void AddressRanges::add(const Address& first, const Address& last) {
  assert(first <= last && first.family() == last.family());
  Address begin = first, end = last;
  auto next = ranges_.upper_bound(is_highest(last) ? last : neighbour(last, true));
  while (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second < (is_lowest(first) ? first : neighbour(first, false))) break;
    begin = std::min(begin, before->first);
    end = std::max(end, before->second);
    next = ranges_.erase(before);
  }
  ranges_.emplace(begin, end);
}

void AddressRanges::remove(const Address& first, const Address& last) {
  assert(first <= last && first.family() == last.family());
  auto next = ranges_.upper_bound(last);
  while (next != ranges_.begin()) {
    const auto hit = std::prev(next);
    const auto [begin, end] = *hit;
    if (end < first) break;
    next = ranges_.erase(hit);
    if (last < end) next = ranges_.emplace(neighbour(last, true), end).first;
    if (begin < first) {
      ranges_.emplace(begin, neighbour(first, false));
      break;
    }
  }
}

bool AddressRanges::contains(const Address& address) const {
  const auto after = ranges_.upper_bound(address);
  return after != ranges_.begin() && address <= std::prev(after)->second;
}

std::optional<Address> AddressRanges::first() const {
  return ranges_.empty() ? std::nullopt : std::optional(ranges_.begin()->first);
}

}  // namespace mpquic::peers
