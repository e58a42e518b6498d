#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mpquic {

class Timers;

/// Something to do at an instant, over and over. Leaves its Timers by itself when it is destroyed.
class Timer {
 public:
  explicit Timer(std::function<void()> on_due) : on_due_(std::move(on_due)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  inline ~Timer();

 private:
  friend class Timers;

  std::function<void()> on_due_;
  Timers* timers_ = nullptr;  ///< since it was first set
  bool waiting_ = false;
  Instant due_ = never;
  std::size_t place_ = 0;  ///< in the heap, while waiting
};

/// The timers of one thread: a binary heap in which each timer knows its place, so that moving one costs O(log n) and
/// allocates nothing.
class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  /// `never` takes it out.
  void set(Timer& timer, Instant due) {
    timer.timers_ = this;
    if (!timer.waiting_) {
      if (due == never) return;
      timer.waiting_ = true;
      timer.due_ = due;
      timer.place_ = heap_.size();
      heap_.push_back(&timer);
      rise(timer.place_);
    } else if (due == never) {
      remove(timer);
    } else if (due != timer.due_) {
      const bool earlier = due < timer.due_;
      timer.due_ = due;
      if (earlier) rise(timer.place_);
      else sink(timer.place_);
    }
  }

  /// When run() has something to do.
  Instant next() const { return heap_.empty() ? never : heap_.front()->due_; }

  /// Calls what is due, each at most once even if it sets itself anew for an instant that has passed.
  void run(Instant now) {
    due_.clear();
    while (!heap_.empty() && heap_.front()->due_ <= now) {
      Timer& timer = *heap_.front();
      remove(timer);
      due_.push_back(&timer);
    }
    // A timer may destroy others, which then stand here as nullptr.
    for (std::size_t i = 0; i < due_.size(); ++i) {
      if (Timer* timer = std::exchange(due_[i], nullptr)) timer->on_due_();
    }
  }

 private:
  friend class Timer;

  void forget(Timer& timer) {
    if (timer.waiting_) remove(timer);
    for (Timer*& due : due_) {
      if (due == &timer) due = nullptr;
    }
  }

  void remove(Timer& timer) {
    const std::size_t place = timer.place_;
    timer.waiting_ = false;
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == &timer) return;
    put(last, place);
    rise(place);
    sink(last->place_);
  }

  void put(Timer* timer, std::size_t place) {
    heap_[place] = timer;
    timer->place_ = place;
  }

  void rise(std::size_t place) {
    Timer* timer = heap_[place];
    for (; place > 0 && timer->due_ < heap_[(place - 1) / 2]->due_; place = (place - 1) / 2) {
      put(heap_[(place - 1) / 2], place);
    }
    put(timer, place);
  }

  void sink(std::size_t place) {
    Timer* timer = heap_[place];
    for (;;) {
      std::size_t child = 2 * place + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
      if (heap_[child]->due_ >= timer->due_) break;
      put(heap_[child], place);
      place = child;
    }
    put(timer, place);
  }

  std::vector<Timer*> heap_;
  std::vector<Timer*> due_;  ///< of the run() that is under way
};

inline Timer::~Timer() {
  if (timers_ != nullptr) timers_->forget(*this);
}

}  // namespace mpquic
