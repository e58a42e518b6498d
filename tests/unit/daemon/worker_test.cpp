#include "daemon/worker.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/ask_workers.h"

namespace mpquic::daemon {
namespace {

using namespace std::chrono_literals;

class WorkerTest : public testing::Test {
 protected:
  /// Has `what` done on the worker's thread and waits for it.
  void on_worker(std::function<void()> what) {
    std::promise<void> done;
    worker_->post([&] {
      what();
      done.set_value();
    });
    done.get_future().get();
  }

  std::unique_ptr<Worker> worker_ = Worker::create(3).value();
};

/// Counts how often it is called, and does something then.
class CountedTask final : public TurnTask {
 public:
  void end_of_turn() override {
    ++calls;
    if (then) then();
  }

  int calls = 0;
  std::function<void()> then;
};

TEST_F(WorkerTest, RunsLettersOnItsOwnThread) {
  worker_->start();
  const auto here = std::this_thread::get_id();
  std::thread::id there;
  on_worker([&] { there = std::this_thread::get_id(); });
  EXPECT_NE(there, here);
  EXPECT_EQ(worker_->index(), 3U);
}

TEST_F(WorkerTest, RunsAllThatWasPostedBeforeItStops) {
  int runs = 0;
  worker_->post([&] { ++runs; });  // before it has even begun
  worker_->start();
  for (int i = 0; i < 1000; ++i) worker_->post([&] { ++runs; });
  worker_->stop();
  EXPECT_EQ(runs, 1001);
}

TEST_F(WorkerTest, CallsItsTimers) {
  worker_->start();
  std::promise<Duration> waited;
  Instant set_at;
  Timer timer([&] { waited.set_value(worker_->now() - set_at); });
  on_worker([&] {
    set_at = worker_->now();
    worker_->timers().set(timer, set_at + 5ms);
  });
  EXPECT_GE(waited.get_future().get(), 5ms);
}

TEST_F(WorkerTest, DoesATurnsTaskOnceHoweverOftenItWasAskedFor) {
  worker_->start();
  CountedTask task;
  on_worker([&] {
    for (int i = 0; i < 5; ++i) worker_->at_end_of_turn(task);
    EXPECT_EQ(task.calls, 0) << "not before the end";
  });
  on_worker([&] { EXPECT_EQ(task.calls, 1); });
}

TEST_F(WorkerTest, ATaskMayAskForAnotherTurn) {
  worker_->start();
  CountedTask task;
  std::promise<void> done;
  task.then = [&] {
    if (task.calls == 3)
      done.set_value();
    else
      worker_->at_end_of_turn(task);
  };
  on_worker([&] { worker_->at_end_of_turn(task); });
  done.get_future().get();
  on_worker([&] { EXPECT_EQ(task.calls, 3); });
}

TEST_F(WorkerTest, ATaskMayBeDestroyedByOneBeforeIt) {
  worker_->start();
  CountedTask first;
  auto second = std::make_unique<CountedTask>();
  first.then = [&] {
    worker_->forget(*second);
    second.reset();
  };
  on_worker([&] {
    worker_->at_end_of_turn(first);
    worker_->at_end_of_turn(*second);
  });
  on_worker([&] { EXPECT_EQ(first.calls, 1); });
  EXPECT_EQ(second, nullptr);
}

TEST(AskWorkersTest, GathersTheAnswersInTheOrderOfTheWorkers) {
  auto loop = io::EventLoop::create().value();
  const auto mailbox = io::Mailbox::create().value();
  ASSERT_TRUE(loop.watch(mailbox->fd(), io::EventLoop::Interest::read, [&] { mailbox->run(); }));
  Timers timers;
  std::vector<std::unique_ptr<Worker>> workers;
  ControlTools tools{loop, timers, [&](io::Mailbox::Letter letter) { mailbox->post(std::move(letter)); }, {}};
  for (unsigned i = 0; i < 4; ++i) {
    workers.push_back(Worker::create(i).value());
    tools.workers.push_back(workers.back().get());
    workers.back()->start();
  }
  std::vector<std::string> answers;
  const auto here = std::this_thread::get_id();
  ask_workers<std::string>(
      tools, [](std::size_t worker) { return std::to_string(worker); },
      [&](std::vector<std::string> gathered) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        answers = std::move(gathered);
      });
  for (int turns = 0; answers.empty() && turns < 100; ++turns) loop.turn(loop.refresh() + 10s);
  EXPECT_EQ(answers, (std::vector<std::string>{"0", "1", "2", "3"}));
}

}  // namespace
}  // namespace mpquic::daemon
