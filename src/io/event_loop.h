#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace mpquic::io {

/// One thread's epoll. Reads the clock once per turn; everything that happens in a turn happens at that instant.
class EventLoop {
 public:
  enum class Interest : std::uint8_t { read, write, read_write, none };
  using Handler = std::function<void()>;

  static Result<EventLoop> create();

  /// `on_ready` is called in each turn in which the descriptor is ready (level-triggered). It may watch and forget any
  /// descriptor, itself included.
  Result<void> watch(int fd, Interest interest, Handler on_ready);
  void change(int fd, Interest interest);
  void forget(int fd);

  /// Waits until something is ready or `deadline` has come, and calls the handlers. One turn. Returns how many
  /// descriptors were ready.
  std::size_t turn(Instant deadline);
  /// The clock at the beginning of this turn. Never goes backwards.
  Instant now() const { return now_; }
  /// Reads the clock anew within a turn.
  Instant refresh();

 private:
  EventLoop() = default;

  struct Watched {
    int fd;
    Interest interest;
    Handler on_ready;
  };

  Fd epoll_;
  Instant now_{};
  std::unordered_map<int, std::shared_ptr<Watched>> watched_;
};

}  // namespace mpquic::io
