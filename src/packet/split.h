#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "base/drop.h"
#include "packet/segment_header.h"
#include "packet/virtio.h"

namespace mpquic::packet {

/// One whole IP packet in two pieces, so that a payload is never copied only to be cut out.
struct Pieces {
  Bytes head;
  Bytes rest;  ///< may be empty

  std::size_t size() const { return head.size() + rest.size(); }
};

/// Cuts what one read of a TUN queue gave (a packet, or a TCP or UDP super-packet) into packets, one at a time and only
/// when asked. All checksums that the kernel left open are completed here, once.
///
/// The super-packet's memory must stay where it is and outlive the Splitter; it is written to.
class Splitter {
 public:
  /// `packet` begins at the IP header. Errors: Drop::malformed when it is no IP packet, Drop::tun_read when the virtio
  /// header and the packet contradict each other.
  static std::expected<Splitter, Drop> begin(const VirtioHeader& virtio, MutableBytes packet);

  bool empty() const;
  /// Payload and headers still to come, in bytes: what a queue counts. Non-increasing.
  std::size_t bytes_left() const;
  /// Size of what next(max_packet) gives. A TCP super-packet is cut smaller than the kernel asked if `max_packet` says
  /// so; any other packet keeps its size, which may be more than max_packet.
  std::size_t next_size(std::size_t max_packet) const;
  /// The next packet, valid until the next call. Must not be called when empty().
  Pieces next(std::size_t max_packet);
  /// Makes the packets still to come Congestion Experienced (RFC 3168). False: they are not ECN-capable, nothing done.
  bool mark_congestion();

 private:
  Splitter() = default;
  std::size_t payload_left() const { return packet_.size() - at_; }
  std::size_t segment_payload(std::size_t max_packet) const;

  MutableBytes packet_;
  std::size_t at_ = 0;                   ///< where in packet_ the payload of the next segment begins
  std::size_t gso_size_ = 0;             ///< payload bytes per segment
  std::optional<SegmentHeader> header_;  ///< of a super-packet
  bool empty_ = false;
};

}  // namespace mpquic::packet
