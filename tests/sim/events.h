#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mpquic::sim {

/// What is to happen, in the order of time; at the same time, in the order in which it was planned.
class Events {
 public:
  using Action = std::function<void()>;

  void at(Instant when, Action action) { waiting_.push({when, next_++, std::move(action)}); }
  Instant next() const { return waiting_.empty() ? never : waiting_.top().when; }
  /// Everything that is due.
  void run(Instant now) {
    while (!waiting_.empty() && waiting_.top().when <= now) {
      const Action action = std::move(const_cast<Event&>(waiting_.top()).action);
      waiting_.pop();
      action();
    }
  }

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    Action action;
    bool operator<(const Event& other) const { return std::pair(when, order) > std::pair(other.when, other.order); }
  };

  std::priority_queue<Event> waiting_;
  std::uint64_t next_ = 0;
};

}  // namespace mpquic::sim
