#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/drop.h"
#include "base/fd.h"
#include "base/result.h"
#include "packet/udp_batch.h"

namespace mpquic::io {

/// Memory for one recvmmsg: enough messages of 64 KiB, which the kernel may fill with many glued payloads each.
/// A worker shares one among its sockets.
class ReceiveBuffers {
 public:
  static constexpr std::size_t messages = 16;

  ReceiveBuffers();
  ~ReceiveBuffers();
  ReceiveBuffers(const ReceiveBuffers&) = delete;
  ReceiveBuffers& operator=(const ReceiveBuffers&) = delete;

 private:
  friend class UdpSocket;
  struct Slots;
  std::unique_ptr<Slots> slots_;
};

struct UdpOptions {
  packet::SocketAddress bind;    ///< port 0: the kernel chooses; "::" takes IPv4 too
  std::string device;            ///< SO_BINDTODEVICE; empty: any
  bool share_port = false;       ///< SO_REUSEPORT
  int receive_buffer = 8 << 20;  ///< bytes asked for; the kernel may give less without CAP_NET_ADMIN
  int send_buffer = 4 << 20;
};

/// A non-blocking UDP socket that sends and receives in batches: UDP_SEGMENT, UDP_GRO (both where the kernel has them),
/// ECN, and the true local address of each payload (IP_PKTINFO). The don't-fragment bit is always set and the kernel's
/// own idea of the path MTU ignored (IP_PMTUDISC_PROBE): QUIC finds it.
class UdpSocket {
 public:
  static Result<UdpSocket> open(const UdpOptions& options);

  int fd() const { return fd_.get(); }
  const packet::SocketAddress& local() const { return local_; }
  /// Whether a run may have more than one segment.
  bool segmentation() const { return segmentation_; }

  /// What has arrived; valid until the next receive() with these buffers. Empty: nothing waits. At most `most`
  /// messages.
  std::span<packet::UdpArrival> receive(ReceiveBuffers& buffers, std::size_t most = ReceiveBuffers::messages);

  /// Sends the runs of `batch` from `first` on. Returns how many are done with: sent, or dropped and counted because
  /// the kernel refused them. Fewer than all: the socket is full, try again with the same batch when it is writable. A
  /// run that can't leave in one send (a segment is larger than the link, or the device can't do it) leaves in many.
  std::size_t send(const packet::UdpBatch& batch, std::size_t first, DropCounters& drops);

 private:
  struct Message;

  UdpSocket() = default;
  void fill(msghdr& header, Message& message, Bytes bytes, const packet::Envelope& envelope) const;
  bool send_singly(Bytes bytes, const packet::UdpBatch::Run& run, DropCounters& drops);

  Fd fd_;
  packet::SocketAddress local_;
  bool any_local_ = false;  ///< bound to no address: each payload names its own
  bool ipv6_ = false;
  bool segmentation_ = false;
  std::size_t singly_sent_ = 0;  ///< bytes of the run that the full socket interrupted
};

}  // namespace mpquic::io
