#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace mpquic::packet {

/// Addresses, ports and protocol, laid out to be compared fast. Made by inspect().
struct FlowKey {
  std::uint64_t ports_and_protocol = 0;  ///< first, because it differs most; ports are 0 in a fragment
  std::array<std::uint64_t, 4> addresses{};

  bool operator==(const FlowKey&) const = default;
};

/// What a packet is to a Merger.
enum class Mergeable : std::uint8_t {
  no_flow,   ///< neither TCP nor UDP: its order is nobody's concern
  fragment,  ///< of some flow between its two hosts
  alone,     ///< of a flow, but never glued to another packet
  yes,       ///< may be glued, provided that its checksums hold
};

/// A packet seen as a TCP segment or UDP datagram.
struct Segment {
  Bytes packet;
  FlowKey flow;
  std::uint16_t ip_size = 0;
  std::uint16_t head_size = 0;  ///< IP and transport header
  bool is_ipv4 = false;
  bool is_tcp = false;
  bool ends_burst = false;  ///< PSH or FIN: the sender has nothing that follows at once

  std::size_t payload_size() const { return packet.size() - head_size; }
  const std::uint8_t* transport() const { return packet.data() + ip_size; }
};

/// Fills `segment` as far as its packet allows: `flow` unless it is of no flow, the rest if it is mergeable.
Mergeable inspect(Bytes packet, Segment& segment);

/// IPv4 header and transport checksum; of a mergeable segment.
bool checksums_hold(const Segment& segment);

/// Whether the headers of two mergeable segments of one flow differ in nothing but what splitting makes up again:
/// lengths, checksums, TCP sequence number, PSH and FIN. `first_head` are the headers of a super-packet's first
/// segment, `index` is the place that `segment` would have in it.
bool same_headers(const std::uint8_t* first_head, const Segment& segment, std::size_t index);

}  // namespace mpquic::packet
