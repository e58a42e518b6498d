#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace mpquic::packet {

/// The ten bytes before each packet on a TUN device with IFF_VNET_HDR, in the host's byte order. (VIRTIO 1.1, 5.1.6;
/// <linux/virtio_net.h> can't be included from C++: it has a member named `class`.)
struct VirtioHeader {
  std::uint8_t flags = 0;     ///< needs_checksum, data_valid
  std::uint8_t gso_type = 0;  ///< gso_*
  std::uint16_t header_size = 0;
  std::uint16_t gso_size = 0;  ///< payload bytes per segment
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;  ///< from checksum_start

  static constexpr std::uint8_t needs_checksum = 1;
  static constexpr std::uint8_t data_valid = 2;
  static constexpr std::uint8_t gso_none = 0;
  static constexpr std::uint8_t gso_tcp4 = 1;
  static constexpr std::uint8_t gso_tcp6 = 4;
  static constexpr std::uint8_t gso_udp = 5;     ///< UDP segmentation (USO), either family; Linux 6.2
  static constexpr std::uint8_t gso_ecn = 0x80;  ///< or-ed in: the first segment carries CWR
};
static_assert(sizeof(VirtioHeader) == 10);

}  // namespace mpquic::packet
