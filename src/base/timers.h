#pragma once

#include <cstddef>
#include <cstdint>
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

  /// In the heap, or among those that the run() under way is about to call.
  enum class Where : std::uint8_t { nowhere, heap, run };

  std::function<void()> on_due_;
  Timers* timers_ = nullptr;  ///< since it was first set
  Where where_ = Where::nowhere;
  Instant due_ = never;
  std::size_t place_ = 0;  ///< there
};

/// The timers of one thread: a binary heap in which each timer knows its place, so that moving one costs O(log n) and
/// allocates nothing.
class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  /// `never` takes it out. A call that was due before and has not come yet does not come any more.
  void set(Timer& timer, Instant due) {
    timer.timers_ = this;
    if (timer.where_ == Timer::Where::run) take_out(timer);
    if (timer.where_ == Timer::Where::nowhere) {
      if (due == never) return;
      timer.where_ = Timer::Where::heap;
      timer.due_ = due;
      timer.place_ = heap_.size();
      heap_.push_back(&timer);
      rise(timer.place_);
    } else if (due == never) {
      take_out(timer);
    } else if (due != timer.due_) {
      const bool earlier = due < timer.due_;
      timer.due_ = due;
      if (earlier)
        rise(timer.place_);
      else
        sink(timer.place_);
    }
  }

  /// When run() has something to do.
  Instant next() const { return heap_.empty() ? never : heap_.front()->due_; }

  /// Calls what is due, each at most once even if it sets itself anew for an instant that has passed.
  void run(Instant now) {
    due_.clear();
    while (!heap_.empty() && heap_.front()->due_ <= now) {
      Timer& timer = *heap_.front();
      take_out(timer);
      timer.where_ = Timer::Where::run;
      timer.place_ = due_.size();
      due_.push_back(&timer);
    }
    // A timer may take out or destroy others, which then stand here as nullptr.
    for (Timer* const& due : due_) {
      Timer* const timer = due;
      if (timer == nullptr) continue;
      take_out(*timer);
      timer->on_due_();
    }
  }

 private:
  friend class Timer;

  void take_out(Timer& timer) {
    switch (std::exchange(timer.where_, Timer::Where::nowhere)) {
      case Timer::Where::nowhere: break;
      case Timer::Where::run: due_[timer.place_] = nullptr; break;
      case Timer::Where::heap: {
        Timer* last = heap_.back();
        heap_.pop_back();
        if (last == &timer) break;
        put(last, timer.place_);
        rise(timer.place_);
        sink(last->place_);
        break;
      }
    }
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
  if (timers_ != nullptr) timers_->take_out(*this);
}

}  // namespace mpquic
