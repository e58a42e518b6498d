#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "packet/checksum.h"
#include "packet/ip.h"

namespace mpquic::packet {

/// The IP and transport headers of a TCP or UDP super-packet, rewritten for one segment after the other. All that stays
/// the same is summed once; per segment only what differs is added to the checksums.
class SegmentHeader {
 public:
  /// IPv4 and TCP with all their options take 120 bytes; this leaves room for long IPv6 routing headers.
  static constexpr std::size_t size_max = 256;

  /// `view` is the parsed `packet`, no fragment, with the sum of its pseudo-header in the checksum field. `cwr_once`:
  /// the TCP flag Congestion Window Reduced is for the first segment only (RFC 3168 6.1.2). nullopt: neither TCP nor
  /// UDP, or its header is broken or too long.
  static std::optional<SegmentHeader> of(Bytes packet, const IpView& view, bool cwr_once);

  std::size_t size() const { return size_; }
  bool is_tcp() const { return is_tcp_; }
  /// The headers of the next segment, valid until the next call. `payload_sum` is sum() of its payload.
  Bytes next(std::uint16_t payload_sum, std::size_t payload_size, bool is_last);
  /// Sets Congestion Experienced in all headers to come. False: the packet is not ECN-capable.
  bool mark_congestion();

 private:
  SegmentHeader() = default;
  bool prepare_tcp(std::size_t room, bool cwr_once);
  bool prepare_udp(std::size_t room);
  void write_ip(std::size_t segment_size);
  void write_tcp(std::uint16_t payload_sum, std::size_t payload_size, bool is_last);
  void write_udp(std::uint16_t payload_sum, std::size_t payload_size);

  std::array<std::uint8_t, size_max> bytes_{};
  Sum ip_sum_ = 0;         ///< of the IPv4 header without length, id and checksum
  Sum transport_sum_ = 0;  ///< of the pseudo-header and the transport header without what segments differ in
  std::uint32_t sequence_ = 0;
  std::uint16_t id_ = 0;
  std::uint16_t ip_size_ = 0;
  std::uint16_t size_ = 0;
  std::uint8_t tcp_flags_ = 0;       ///< of every segment to come
  std::uint8_t tcp_flags_last_ = 0;  ///< PSH and FIN, which only the last one has
  std::uint8_t tcp_flags_once_ = 0;  ///< CWR until the first segment is out
  bool is_tcp_ = false;
};

}  // namespace mpquic::packet
