#pragma once

#include <cstdint>
#include <functional>

#include "base/drop.h"
#include "daemon/worker.h"
#include "io/udp_socket.h"
#include "packet/udp_batch.h"

namespace mpquic::daemon {

/// A UDP socket on a worker, with the batch that is on its way out through it.
class UdpPort {
 public:
  /// `on_arrivals` is called with what has come in; `on_writable` when a socket that was full takes more.
  struct Handlers {
    std::function<void(std::span<packet::UdpArrival>)> on_arrivals;
    std::function<void()> on_writable;
  };

  UdpPort(Worker& worker, io::UdpSocket socket, Handlers handlers, DropCounters& drops);
  ~UdpPort();
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;

  const packet::SocketAddress& local() const { return socket_.local(); }
  /// Where payloads are put; not while blocked().
  packet::UdpBatch& batch() { return batch_; }
  /// Sends the batch. False: the socket is full; on_writable will be called.
  bool send();
  bool blocked() const { return blocked_; }
  /// Reads nothing for a while; the kernel drops what does not fit the socket's buffer meanwhile.
  void pause(Duration duration);

 private:
  void on_ready();
  void watch_interests();

  Worker& worker_;
  io::UdpSocket socket_;
  Handlers handlers_;
  DropCounters& drops_;
  packet::UdpBatch batch_;
  std::size_t sent_runs_ = 0;
  bool blocked_ = false;
  bool paused_ = false;
  Timer resume_;
};

}  // namespace mpquic::daemon
