#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "packet/socket_address.h"

namespace mpquic::packet {

/// The two ECN bits of the outer IP header, RFC 3168.
enum class Ecn : std::uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

/// Where a UDP payload goes and how.
struct Envelope {
  SocketAddress remote;
  Address local;  ///< source address; unspecified: the kernel chooses
  Ecn ecn = Ecn::not_ect;

  bool operator==(const Envelope&) const = default;
};

/// UDP payloads on their way out, laid out so that equal-sized neighbours for one destination leave in one
/// UDP_SEGMENT send: a run. Pure memory; io::UdpSocket sends it.
class UdpBatch {
 public:
  struct Run {
    Envelope envelope;
    std::size_t offset;
    std::size_t size;            ///< bytes, all segments
    std::uint16_t segment_size;  ///< every segment but the last, which may be smaller
  };

  /// A UDP_SEGMENT send takes no more (udp(7)): segments, 128 on newer kernels, and bytes.
  static constexpr std::size_t max_segments = 64;
  static constexpr std::size_t max_run = 65'000;

  /// `segmentation`: whether the socket can send runs of more than one segment.
  UdpBatch(std::size_t capacity, bool segmentation) : memory_(capacity), segmentation_(segmentation) {
    runs_.reserve(64);
  }

  /// Room for one payload of `size` bytes; empty when the batch has to be sent first.
  MutableBytes space(std::size_t size) {
    if (memory_.size() - used_ < size) return {};
    return {memory_.data() + used_, size};
  }

  /// The first `size` bytes of what space() gave are a payload.
  void commit(std::size_t size, const Envelope& envelope);

  std::span<const Run> runs() const { return runs_; }
  Bytes bytes(const Run& run) const { return {memory_.data() + run.offset, run.size}; }
  bool empty() const { return runs_.empty(); }
  void clear() {
    runs_.clear();
    used_ = 0;
  }

 private:
  bool extends_last_run(std::size_t size, const Envelope& envelope) const;

  std::vector<std::uint8_t> memory_;
  std::vector<Run> runs_;
  std::size_t used_ = 0;
  bool segmentation_;
};

/// UDP payloads as they came in: one payload, or several of `segment_size` that the kernel glued together (UDP_GRO).
struct UdpArrival {
  MutableBytes bytes;
  std::size_t segment_size = 0;  ///< of every payload but the last; never 0
  SocketAddress remote;
  SocketAddress local;
  Ecn ecn = Ecn::not_ect;
};

}  // namespace mpquic::packet
