#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "packet/segment.h"
#include "packet/virtio.h"

namespace mpquic::packet {

/// What a TUN device takes as a super-packet.
struct Offloads {
  bool tcp4 = false;
  bool tcp6 = false;
  bool udp = false;  ///< UDP segmentation (USO), IPv4 and IPv6; Linux 6.2
};

/// Where a Merger leaves what is to be written to the TUN device, header and packet in one writev().
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  /// `packet` is valid during the call only.
  virtual void write(const VirtioHeader& header, Bytes packet) = 0;
};

/// Glues consecutive TCP segments, and UDP datagrams of equal size, of one flow into super-packets that the kernel
/// takes at the price of one packet: Linux' generic receive offload, whose rules these are. Splitting a super-packet
/// gives the packets back byte for byte; only the identification of IPv4 packets that must not be fragmented, which
/// has no meaning (RFC 6864 4.1), may differ.
///
/// The order of packets within a flow is kept; a packet that is waiting for its successors may be overtaken by other
/// flows. Checksums of what is glued are verified, so that a packet which arrived broken leaves broken.
class Merger {
 public:
  /// Flows that are open at a time. One more closes the one that has waited longest for a packet.
  static constexpr std::size_t flows_max = 8;
  static constexpr std::size_t segments_max = 64;
  static constexpr std::size_t super_packet_max = 65'000;

  /// Takes all its memory here.
  explicit Merger(Offloads offloads);

  /// Keeps a copy of `packet` or hands it on at once. What can't be glued, whatever it is, goes to the sink as it is.
  void push(Bytes packet, FrameSink& sink);
  /// Hands on all that is kept. To be called at the end of a batch, because nothing else ends a wait.
  void flush(FrameSink& sink);

 private:
  /// A super-packet in the making: the headers of its first segment and the payload of all.
  struct Group {
    FlowKey flow;
    std::uint64_t last_used = 0;
    std::size_t segments = 0;  ///< 0: not in use
    std::size_t size = 0;      ///< bytes so far, headers included
    std::size_t segment_payload = 0;
    std::uint32_t next_sequence = 0;
    std::uint16_t ip_size = 0;
    std::uint16_t head_size = 0;  ///< IP and transport header
  };

  static constexpr std::size_t stride = (super_packet_max + 63) / 64 * 64;
  std::uint8_t* bytes_of(const Group& group) const {
    return memory_.get() + static_cast<std::size_t>(&group - groups_.data()) * stride;
  }

  Group* find(const FlowKey& flow);
  bool takes(const Segment& segment) const;
  bool continues(const Group& group, const Segment& segment) const;
  void open(const Segment& segment, FrameSink& sink);
  void append(Group& group, const Segment& segment);
  void close(Group& group, FrameSink& sink);
  VirtioHeader finish(const Group& group);
  void close_flow(const FlowKey& flow, FrameSink& sink);
  void close_hosts(const FlowKey& flow, FrameSink& sink);

  Offloads offloads_;
  std::unique_ptr<std::uint8_t[]> memory_;  ///< super_packet_max bytes for each group
  std::array<Group, flows_max> groups_;
  std::size_t open_groups_ = 0;
  std::uint64_t pushes_ = 0;
};

}  // namespace mpquic::packet
