#include "io/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/event_loop.h"

namespace mpquic::io {
namespace {

bool readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

class MailboxTest : public testing::Test {
 protected:
  std::unique_ptr<Mailbox> mailbox_ = Mailbox::create().value();
};

TEST_F(MailboxTest, IsReadableWhileLettersWait) {
  EXPECT_FALSE(readable(mailbox_->fd()));
  mailbox_->post([] {});
  mailbox_->post([] {});
  EXPECT_TRUE(readable(mailbox_->fd()));
  mailbox_->run();
  EXPECT_FALSE(readable(mailbox_->fd()));
}

TEST_F(MailboxTest, RunsLettersInTheOrderOfTheirPosting) {
  std::string order;
  for (const char letter : {'a', 'b', 'c'}) mailbox_->post([&order, letter] { order += letter; });
  EXPECT_EQ(order, "");
  mailbox_->run();
  EXPECT_EQ(order, "abc");
  mailbox_->run();
  EXPECT_EQ(order, "abc");
}

TEST_F(MailboxTest, ALetterThatPostsAnotherWakesTheOwnerAgain) {
  int runs = 0;
  mailbox_->post([&] { mailbox_->post([&] { ++runs; }); });
  mailbox_->run();
  EXPECT_EQ(runs, 0) << "so that a chain of letters can't keep the owner from all else";
  EXPECT_TRUE(readable(mailbox_->fd()));
  mailbox_->run();
  EXPECT_EQ(runs, 1);
}

TEST_F(MailboxTest, WhatALetterHoldsIsFreedOnceItHasRun) {
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = held;
  mailbox_->post([held = std::move(held)] {});
  mailbox_->run();
  EXPECT_TRUE(watched.expired());
}

TEST_F(MailboxTest, LosesNothingFromManyThreadsAndKeepsTheOrderOfEach) {
  constexpr int threads = 4, letters = 5000;
  auto loop = EventLoop::create().value();
  ASSERT_TRUE(loop.watch(mailbox_->fd(), EventLoop::Interest::read, [this] { mailbox_->run(); }));
  std::vector<std::vector<int>> arrived(threads);
  std::vector<std::thread> senders;
  for (std::size_t sender = 0; sender < threads; ++sender) {
    senders.emplace_back([&, sender] {
      for (int i = 0; i < letters; ++i) mailbox_->post([&, sender, i] { arrived[sender].push_back(i); });
    });
  }
  const auto missing = [&] {
    std::size_t total = 0;
    for (const auto& each : arrived) total += each.size();
    return total < std::size_t{threads} * letters;
  };
  while (missing()) {
    // A letter whose wake-up got lost would leave us here for good; a turn without any is what shows it.
    if (loop.turn(loop.refresh() + std::chrono::seconds(20)) == 0) break;
  }
  for (auto& sender : senders) sender.join();
  for (const auto& each : arrived) {
    ASSERT_EQ(each.size(), std::size_t{letters});
    EXPECT_TRUE(std::ranges::is_sorted(each));
  }
}

}  // namespace
}  // namespace mpquic::io
