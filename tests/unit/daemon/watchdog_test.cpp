#include "daemon/watchdog.h"

#include <future>

#include "system/notify_socket.h"

namespace mpquic::daemon {
namespace {

using namespace std::chrono_literals;

/// A control thread, which is this one, with two workers.
class WatchdogTest : public testing::Test {
 protected:
  WatchdogTest() {
    for (const auto& worker : workers_) {
      tools_.workers.push_back(worker.get());
      worker->start();
    }
    EXPECT_TRUE(loop_.watch(mailbox_->fd(), io::EventLoop::Interest::read, [this] { mailbox_->run(); }));
    watchdog_.emplace(manager_, tools_, [this] { return summary_; });
  }

  ~WatchdogTest() override {
    watchdog_->stop();
    for (const auto& worker : workers_) worker->stop();
  }

  /// Lets the control thread turn for so long.
  void turn_for(Duration time) {
    const Instant end = loop_.refresh() + time;
    while (loop_.refresh() < end) {
      loop_.turn(std::min(end, timers_.next()));
      timers_.run(loop_.now());
      hear();
    }
  }

  // Soon: a full socket would keep the control thread waiting.
  void hear() {
    while (auto message = manager_socket_.receive(1us)) heard_.push_back(*message);
  }

  /// What the service manager has been told since this was asked last.
  std::vector<std::string> told() { return std::exchange(heard_, {}); }

  static std::size_t signs_of_life(const std::vector<std::string>& messages) {
    return static_cast<std::size_t>(std::ranges::count(messages, "WATCHDOG=1"));
  }

  system::NotifySocket manager_socket_;
  std::vector<std::string> heard_;
  system::WatchdogInterval interval_{30ms};
  io::EventLoop loop_ = io::EventLoop::create().value();
  std::unique_ptr<io::Mailbox> mailbox_ = io::Mailbox::create().value();
  Timers timers_;
  std::vector<std::unique_ptr<Worker>> workers_ = [] {
    std::vector<std::unique_ptr<Worker>> workers;
    for (unsigned i = 0; i < 2; ++i) workers.push_back(Worker::create(i).value());
    return workers;
  }();
  ControlTools tools_{loop_, timers_, [this](io::Mailbox::Letter letter) { mailbox_->post(std::move(letter)); },
                      {},    {},      {}};
  system::ServiceManager manager_;
  std::string summary_ = "0 of 1 tunnels up";
  std::optional<Watchdog> watchdog_;
};

TEST_F(WatchdogTest, GivesSignsOfLifeMoreOftenThanIsAsked) {
  turn_for(300ms);
  EXPECT_GE(signs_of_life(told()), 10U);
}

TEST_F(WatchdogTest, AHungWorkerSilencesIt) {
  turn_for(50ms);
  std::promise<void> hung, go_on;
  workers_[1]->post([&] {
    hung.set_value();
    go_on.get_future().wait();
  });
  hung.get_future().wait();
  turn_for(50ms);
  told();  // what was under way
  turn_for(200ms);
  EXPECT_EQ(signs_of_life(told()), 0U);
  go_on.set_value();
  turn_for(200ms);
  EXPECT_GE(signs_of_life(told()), 2U);
}

TEST_F(WatchdogTest, AHungControlThreadSilencesIt) {
  turn_for(50ms);
  told();
  EXPECT_EQ(manager_socket_.receive(200ms), std::nullopt);
}

TEST_F(WatchdogTest, TellsHowTheNodeIsWhenThatIsNews) {
  turn_for(100ms);
  auto messages = told();
  EXPECT_EQ(std::ranges::count(messages, "STATUS=0 of 1 tunnels up"), 1);
  summary_ = "1 of 1 tunnels up";
  turn_for(100ms);
  messages = told();
  EXPECT_EQ(std::ranges::count(messages, "STATUS=1 of 1 tunnels up"), 1);
  EXPECT_EQ(std::ranges::count(messages, "STATUS=0 of 1 tunnels up"), 0);
}

TEST_F(WatchdogTest, SaysNothingAnyMoreOnceItIsStopped) {
  turn_for(50ms);
  watchdog_->stop();
  told();
  turn_for(200ms);
  EXPECT_TRUE(told().empty());
}

}  // namespace
}  // namespace mpquic::daemon
