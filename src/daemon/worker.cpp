#include "daemon/worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <utility>

namespace mpquic::daemon {
namespace {

// Waking a sleeping processor takes a good part of what such an answer takes. Watching for it instead costs five per
// cent of a processor at the most.
constexpr Duration answer_comes_within = std::chrono::microseconds(400);
constexpr double watches_per_second = 120;

}  // namespace

packet::Buffer PacketMemory::take(std::size_t size) {
  for (packet::BufferPool* pool : {&small, &medium, &large}) {
    if (size > pool->block_size()) continue;
    if (packet::Buffer block = pool->take()) return block;
  }
  return {};
}

Result<std::unique_ptr<Worker>> Worker::create(unsigned index) {
  auto loop = io::EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  auto mailbox = io::Mailbox::create();
  if (!mailbox) return std::unexpected(mailbox.error());
  std::unique_ptr<Worker> worker(new Worker(index, std::move(*loop), std::move(*mailbox)));
  if (auto watched = worker->loop_.watch(worker->mailbox_->fd(), io::EventLoop::Interest::read,
                                         [mailbox = worker->mailbox_.get()] { mailbox->run(); });
      !watched) {
    return std::unexpected(watched.error());
  }
  return worker;
}

Worker::Worker(unsigned index, io::EventLoop loop, std::unique_ptr<io::Mailbox> mailbox)
    : index_(index),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      watches_(watches_per_second, watches_per_second / 10) {}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  post([this] { stopping_ = true; });
  thread_.join();
}

void Worker::at_end_of_turn(TurnTask& task) {
  if (std::exchange(task.marked_, true)) return;
  tasks_.push_back(&task);
}

void Worker::forget(TurnTask& task) {
  std::erase(tasks_, &task);
  std::ranges::replace(running_tasks_, &task, nullptr);
}

void Worker::run_turn_tasks() {
  running_tasks_.swap(tasks_);
  // A task may take others away, which then stand here as nullptr.
  for (TurnTask* const& task : running_tasks_) {
    if (task == nullptr) continue;
    task->marked_ = false;
    task->end_of_turn();
  }
  running_tasks_.clear();
}

void Worker::expect_answer(Duration round_trip) {
  answer_expected_ |= round_trip > Duration::zero() && round_trip < answer_comes_within;
}

// False: nothing has come, or nothing was expected.
bool Worker::watch_for_answer() {
  if (!std::exchange(answer_expected_, false) || !tasks_.empty() || !watches_.take(loop_.now())) return false;
  const Instant give_up = std::min(loop_.now() + answer_comes_within, timers_.next());
  while (loop_.now() < give_up) {
    if (loop_.turn(loop_.now()) != 0) return true;
  }
  return false;
}

void Worker::run() {
  pthread_setname_np(pthread_self(), fmt::format("worker-{}", index_).c_str());
  // Signals are the control thread's; timers are to be kept to the microsecond, for pacing.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  while (!stopping_) {
    if (!watch_for_answer()) loop_.turn(tasks_.empty() ? timers_.next() : loop_.now());
    timers_.run(loop_.now());
    run_turn_tasks();
  }
}

}  // namespace mpquic::daemon
