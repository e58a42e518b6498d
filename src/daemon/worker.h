#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/timers.h"
#include "base/token_bucket.h"
#include "io/event_loop.h"
#include "io/mailbox.h"
#include "io/udp_socket.h"
#include "packet/buffer_pool.h"

namespace mpquic::daemon {

/// Work that is put off to the end of a turn, so that it is done once for all that the turn brought.
class TurnTask {
 public:
  virtual ~TurnTask() = default;
  virtual void end_of_turn() = 0;

 private:
  friend class Worker;
  bool marked_ = false;
};

/// Packet memory of one worker: most packets are small, a super-packet needs up to 64 KiB, and those of flows that
/// share a link with many others hold but a few packets each.
struct PacketMemory {
  static constexpr std::size_t small_size = 2048;
  static constexpr std::size_t medium_size = 8192;
  static constexpr std::size_t large_size = 65'536;

  /// The smallest block that `size` bytes fit in and that there is. Empty: there is none.
  packet::Buffer take(std::size_t size);

  packet::BufferPool small{small_size, 16'384};
  packet::BufferPool medium{medium_size, 4096};
  packet::BufferPool large{large_size, 512};
};

/// One thread and what it owns: event loop, mailbox, timers, packet memory. Sockets, TUN queues and sessions are pinned
/// to it by whoever lives on it; they are made before start() or by letters, and used on its thread only.
class Worker {
 public:
  static Result<std::unique_ptr<Worker>> create(unsigned index);
  ~Worker();

  unsigned index() const { return index_; }
  void start();
  /// Runs what was posted, ends the thread, and waits for it. What lives on the worker must be gone by then.
  void stop();
  /// From any thread.
  void post(io::Mailbox::Letter letter) { mailbox_->post(std::move(letter)); }

  // On the worker's thread, or before start():
  io::EventLoop& loop() { return loop_; }
  Timers& timers() { return timers_; }
  PacketMemory& memory() { return memory_; }
  io::ReceiveBuffers& receive_buffers() { return receive_buffers_; }
  Instant now() const { return loop_.now(); }
  void at_end_of_turn(TurnTask& task);
  /// The task is going away.
  void forget(TurnTask& task);
  /// Something was sent over a path of this round trip: where that is very short, the worker watches for the answer
  /// before it goes to sleep.
  void expect_answer(Duration round_trip);

 private:
  Worker(unsigned index, io::EventLoop loop, std::unique_ptr<io::Mailbox> mailbox);
  void run();
  void run_turn_tasks();
  bool watch_for_answer();

  unsigned index_;
  io::EventLoop loop_;
  std::unique_ptr<io::Mailbox> mailbox_;
  Timers timers_;
  PacketMemory memory_;
  io::ReceiveBuffers receive_buffers_;
  std::vector<TurnTask*> tasks_;
  std::vector<TurnTask*> running_tasks_;
  TokenBucket watches_;
  bool answer_expected_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mpquic::daemon
