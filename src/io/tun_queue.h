#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/drop.h"
#include "base/fd.h"
#include "packet/virtio.h"

namespace mpquic::io {

/// One queue of a TUN device with IFF_VNET_HDR (system/tun_device.h opens it).
class TunQueue {
 public:
  /// A read gives at most this: the virtio header and a super-packet.
  static constexpr std::size_t largest_read = sizeof(packet::VirtioHeader) + 65'535;

  explicit TunQueue(Fd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  /// Somebody has deleted the device: the queue is of no more use, and its descriptor is ready for ever.
  bool gone() const { return gone_; }
  /// Reads one packet or super-packet behind `header`. Empty: nothing waits.
  MutableBytes read(packet::VirtioHeader& header, MutableBytes space);
  /// Writes a packet or super-packet. False: the kernel refused it (counted).
  bool write(const packet::VirtioHeader& header, Bytes packet, DropCounters& drops);

 private:
  Fd fd_;
  bool gone_ = false;
};

}  // namespace mpquic::io
