#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "frame.h"

namespace linkem {

/// Takes back the memory of a receive ring.
struct Unmap {
  std::size_t bytes = 0;
  void operator()(std::uint8_t* ring) const;
};

/// One end of the link: raw frames of a network interface, which is made promiscuous.
///
/// Received through a TPACKET_V2 ring: no system call per frame, and the kernel says when each came, so that being
/// woken late doesn't lengthen the delay. (TPACKET_V3 hands over blocks, whose timer of at least 1 ms is too coarse.)
/// Sent in batches by sendmmsg past the queueing discipline. A PACKET_TX_RING would lend its memory to a packet that a
/// veth hands on to the other side, and would take it back too early.
class Port {
 public:
  static mpquic::Result<Port> open(const std::string& interface);

  int fd() const { return socket_.get(); }
  /// Longest frame it can receive, with a tag.
  std::size_t largest_frame() const;

  struct Received {
    mpquic::Bytes bytes;         ///< as the kernel left them: its tag is taken out; valid until next_frame()
    std::optional<VlanTag> tag;  ///< to be put back
    mpquic::Instant arrival;
    bool whole = true;              ///< false: longer than the ring has room for
    bool checksum_complete = true;  ///< false: the sender left it to hardware that isn't there
  };
  /// The oldest frame received and not yet passed over. `now` bounds and translates the kernel's wall-clock stamps.
  std::optional<Received> frame(mpquic::Instant now);
  void next_frame();

  /// To be called once per round before frame(): relates the wall clock to the monotonic one.
  void synchronise(mpquic::Instant now);

  /// Sends in order and returns the indices of those that the kernel refused, all of them if the interface is down.
  std::vector<std::size_t> send(const std::vector<mpquic::MutableBytes>& frames);

  /// Frames lost since the last call because the ring was full.
  std::uint64_t take_overruns();
  /// Clears what poll reports as POLLERR, such as the interface having gone down.
  void clear_error();

 private:
  Port() = default;
  mpquic::Result<void> map_ring(std::size_t frame_bytes);

  mpquic::Fd socket_;
  std::unique_ptr<std::uint8_t, Unmap> ring_;
  std::size_t frame_bytes_ = 0;
  std::size_t current_ = 0;
  mpquic::Duration wall_minus_monotonic_{};
  std::vector<iovec> parts_;
  std::vector<mmsghdr> messages_;
};

}  // namespace linkem
