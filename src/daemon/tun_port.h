#pragma once

#include <vector>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/worker.h"
#include "io/tun_queue.h"
#include "packet/address.h"
#include "packet/merge.h"
#include "packet/split.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

/// What one read of a TUN queue gave: a packet or super-packet, in memory of its own.
struct Burst {
  packet::VirtioHeader header;
  packet::Buffer memory;
  MutableBytes packet;  ///< lies in `memory`
};

/// Takes what a TUN queue gives.
class TunReader {
 public:
  virtual void on_burst(Burst burst) = 0;
  /// The device has been deleted; nothing comes any more.
  virtual void on_device_gone() = 0;

 protected:
  ~TunReader() = default;
};

/// One queue of a TUN device on a worker: super-packets in, merged packets out, ICMP for what is too big.
class TunPort final : private packet::FrameSink, public tunnel::TooBigListener, public TurnTask {
 public:
  /// `own`: the device's addresses, which ICMP comes from. `worker`, `reader` and `drops` outlive the port.
  TunPort(Worker& worker, io::TunQueue queue, const packet::Offloads& offloads, std::vector<packet::Address> own,
          TunReader& reader, DropCounters& drops);
  ~TunPort() override;
  TunPort(const TunPort&) = delete;
  TunPort& operator=(const TunPort&) = delete;

  /// A packet out of the tunnel, valid during the call. It reaches the kernel at the end of the turn.
  void deliver(Bytes packet);
  void on_too_big(const packet::Pieces& packet, std::size_t mtu) override;

  void end_of_turn() override;

 private:
  void write(const packet::VirtioHeader& header, Bytes packet) override;
  void on_ready();
  bool read_one();

  Worker& worker_;
  io::TunQueue queue_;
  packet::Buffer landing_;  ///< what the next read goes into
  packet::Merger merger_;
  std::vector<packet::Address> own_;
  TunReader& reader_;
  DropCounters& drops_;
  TokenBucket icmp_;
};

}  // namespace mpquic::daemon
