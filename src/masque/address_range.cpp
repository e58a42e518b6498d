#include "masque/address_range.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <tuple>
#include <utility>

namespace mpquic::masque {
namespace {

using packet::Address;
using packet::Prefix;

/// The bits of an address as one number; IPv4 takes the lowest 32.
struct Number {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Number&) const = default;
};

std::uint64_t load_be64(const std::uint8_t* p) { return std::uint64_t{load_be32(p)} << 32 | load_be32(p + 4); }

Number number_of(const Address& address) {
  const Bytes bytes = address.bytes();
  if (address.is_ipv4()) return {0, load_be32(bytes.data())};
  return {load_be64(&bytes[0]), load_be64(&bytes[8])};
}

Address address_of(const Number& number, Address::Family family) {
  std::array<std::uint8_t, 16> bytes;
  store_be32(&bytes[0], static_cast<std::uint32_t>(number.high >> 32));
  store_be32(&bytes[4], static_cast<std::uint32_t>(number.high));
  store_be32(&bytes[8], static_cast<std::uint32_t>(number.low >> 32));
  store_be32(&bytes[12], static_cast<std::uint32_t>(number.low));
  return Address::from_bytes(family == Address::Family::ipv4 ? Bytes(bytes).last(4) : Bytes(bytes));
}

Number minus(const Number& a, const Number& b) { return {a.high - b.high - (a.low < b.low ? 1u : 0u), a.low - b.low}; }

/// Around after the highest number.
Number next(const Number& number) { return {number.high + (number.low + 1 == 0 ? 1u : 0u), number.low + 1}; }

Number operator|(const Number& a, const Number& b) { return {a.high | b.high, a.low | b.low}; }

/// The number whose lowest `bits` bits are set, 0 to 128.
Number ones(unsigned bits) {
  const auto low_ones = [](unsigned count) { return count == 0 ? 0 : ~std::uint64_t{0} >> (64 - count); };
  return {low_ones(bits > 64 ? bits - 64 : 0), low_ones(std::min(bits, 64u))};
}

unsigned bit_width(const Number& number) {
  return static_cast<unsigned>(number.high != 0 ? 64 + std::bit_width(number.high) : std::bit_width(number.low));
}

unsigned trailing_zeros(const Number& number) {
  return static_cast<unsigned>(number.low != 0 ? std::countr_zero(number.low) : 64 + std::countr_zero(number.high));
}

/// How many bits are left to the host in the largest prefix that begins at `first` and goes no further than `last`.
unsigned largest_block(const Number& first, const Number& last, unsigned address_bits) {
  const Number distance = minus(last, first);
  const unsigned width = bit_width(distance);
  const unsigned fitting = ones(width) == distance ? width : width - 1;
  return std::min({fitting, trailing_zeros(first), address_bits});
}

void append_prefixes(std::vector<Prefix>& to, const AddressRange& range) {
  const Address::Family family = range.first.family();
  const Number last = number_of(range.last);
  Number first = number_of(range.first);
  while (true) {
    const unsigned host_bits = largest_block(first, last, range.first.bits());
    to.emplace_back(address_of(first, family), range.first.bits() - host_bits);
    const Number end = first | ones(host_bits);
    if (end == last) return;
    first = next(end);
  }
}

}  // namespace

std::strong_ordering order(const AddressRange& a, const AddressRange& b) {
  const auto key = [](const AddressRange& range) {
    return std::tuple(range.first.family(), range.protocol, range.first, range.last);
  };
  return key(a) <=> key(b);
}

std::vector<AddressRange> ranges_of(std::vector<Prefix> prefixes, std::uint8_t protocol) {
  std::ranges::sort(prefixes);
  std::vector<AddressRange> ranges;
  for (const Prefix& prefix : prefixes) {
    const Address& first = prefix.address();
    const Number end = number_of(first) | ones(first.bits() - prefix.length());
    const Address last = address_of(end, first.family());
    AddressRange* before = ranges.empty() ? nullptr : &ranges.back();
    const bool joins = before != nullptr && before->first.family() == first.family() &&
                       (first <= before->last || number_of(first) == next(number_of(before->last)));
    if (joins) {
      before->last = std::max(before->last, last);
    } else {
      ranges.push_back({first, last, protocol});
    }
  }
  return ranges;
}

const AddressRange* first_outside(std::span<const AddressRange> ranges, std::vector<Prefix> prefixes) {
  const std::vector<AddressRange> inside = ranges_of(std::move(prefixes));
  const auto found = std::ranges::find_if(ranges, [&](const AddressRange& range) {
    const auto candidate = std::ranges::lower_bound(inside, range.last, {}, &AddressRange::last);
    return candidate == inside.end() || candidate->first > range.first;
  });
  return found == ranges.end() ? nullptr : &*found;
}

std::vector<Prefix> prefixes_of(std::span<const AddressRange> ranges) {
  std::vector<Prefix> prefixes;
  for (const AddressRange& range : ranges) {
    assert(range.first.family() == range.last.family() && range.first <= range.last);
    append_prefixes(prefixes, range);
  }
  return prefixes;
}

}  // namespace mpquic::masque
