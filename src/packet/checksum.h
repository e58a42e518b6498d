#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace mpquic::packet {

/// The internet checksum (RFC 1071) is the complement of the ones' complement sum of 16-bit words in network order.
/// A Sum is such a sum before it is folded to 16 bits: Sums and single words are added as plain integers, up to 2^16 of
/// them.
using Sum = std::uint32_t;

/// The folded sum of `bytes` at any alignment; an odd last byte counts as the high byte of a word. At most 2^32 bytes.
std::uint16_t sum(Bytes bytes);

constexpr std::uint16_t fold(Sum sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum + (sum >> 16));
}

/// What is stored in the packet. Summing it with what it protects gives 0xffff.
constexpr std::uint16_t checksum_of(Sum sum) { return static_cast<std::uint16_t>(~fold(sum)); }

/// As checksum_of(), but 0xffff instead of 0, which says "no checksum" in UDP (RFC 768). The two are the same number in
/// ones' complement, so a receiver of TCP accepts either.
constexpr std::uint16_t nonzero_checksum_of(Sum sum) {
  const std::uint16_t checksum = checksum_of(sum);
  return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

/// The checksum after one 16-bit word under it has changed (RFC 1624, equation 3).
constexpr std::uint16_t updated_checksum(std::uint16_t checksum, std::uint16_t old_word, std::uint16_t new_word) {
  const auto inverse = [](std::uint16_t word) { return static_cast<std::uint16_t>(~word); };
  return checksum_of(Sum{inverse(checksum)} + inverse(old_word) + new_word);
}

/// The pseudo-header of TCP, UDP and ICMPv6 (RFC 9293 3.1, RFC 8200 8.1) for a packet whose fixed IP header, IPv4 or
/// IPv6, begins at `ip`.
Sum pseudo_header_sum(const std::uint8_t* ip, std::uint8_t protocol, std::size_t transport_size);

/// Completes the checksum of an IPv4 header, options included.
void store_ipv4_checksum(MutableBytes header);
/// Whether the header, options included, sums up.
bool ipv4_checksum_holds(Bytes header);

}  // namespace mpquic::packet
