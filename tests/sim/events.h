#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mpquic::sim {

/// What is to happen, in the order of time; at the same time, in the order in which it was planned.
class Events {
 public:
  using Action = std::move_only_function<void()>;

  void at(Instant when, Action action) {
    waiting_.push_back({when, next_++, std::move(action)});
    std::ranges::push_heap(waiting_, later);
  }
  Instant next() const { return waiting_.empty() ? never : waiting_.front().when; }
  /// Everything that is due.
  void run(Instant now) {
    while (!waiting_.empty() && waiting_.front().when <= now) {
      std::ranges::pop_heap(waiting_, later);
      Action action = std::move(waiting_.back().action);
      waiting_.pop_back();
      ++done_;
      action();
    }
  }
  std::uint64_t done() const { return done_; }

 private:
  struct Event {
    Instant when;
    std::uint64_t order;
    Action action;
  };
  static bool later(const Event& one, const Event& other) {
    return std::pair(one.when, one.order) > std::pair(other.when, other.order);
  }

  std::vector<Event> waiting_;  ///< a heap, the next one first
  std::uint64_t next_ = 0, done_ = 0;
};

}  // namespace mpquic::sim
