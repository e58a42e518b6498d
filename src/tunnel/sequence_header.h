#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"

namespace mpquic::tunnel {

/// What stands before the IP packet in a sequenced packet of a session with several paths (docs/multipath.md).
struct SequenceHeader {
  bool ordered = false;             ///< the flow's packets are to be delivered in order
  bool copy = false;                ///< it was sent before
  std::uint16_t flow = 0;           ///< 14 bits; 0: none in particular
  std::uint32_t sequence = 0;       ///< of the flow; those of flow 0 number all unordered packets
  std::uint32_t path_sequence = 0;  ///< of the path
  std::uint32_t sent_at = 0;        ///< microseconds of the sender's clock, which wraps

  bool operator==(const SequenceHeader&) const = default;
};

inline constexpr std::size_t sequence_header_size = 14;

/// A sequenced packet. Does not own the bytes.
struct SequencedPacket {
  SequenceHeader header;
  Bytes packet;
};

void write(const SequenceHeader& header, std::span<std::uint8_t, sequence_header_size> bytes);
/// nullopt: there is no packet behind the header, or no whole header.
std::optional<SequencedPacket> parse_sequenced(Bytes bytes);

/// How far `a` is after `b`, in numbers or times that wrap (RFC 1982).
inline std::int32_t distance(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b); }

}  // namespace mpquic::tunnel
