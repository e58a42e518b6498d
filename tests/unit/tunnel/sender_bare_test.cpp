#include <array>

#include "tunnel/sender_fixture.h"

namespace mpquic::tunnel {
namespace {

constexpr std::array<std::uint8_t, 4> registration = {10, 0, 0, 1};

/// Connections that carry packets and nothing else, and begin with a registration.
class BarePaths : public SenderTest {
 protected:
  void begin(Policy policy) {
    start(policy, Wire::bare);
    session_.open(now_);
    for (PathId& path : paths_) {
      path = *sender_->add_path({}, {{}, {}, registration}, milliseconds(20), now_);
      EXPECT_EQ(next(path), Bytes(registration).size());
    }
  }
  /// Size of what goes out over the path; 0: nothing does.
  std::size_t next(PathId path) {
    quic::DatagramSource& source = sender_->source(path);
    const packet::Pieces* packet = source.front(1400, now_);
    if (packet == nullptr) return 0;
    EXPECT_TRUE(source.prefix().empty());
    const std::size_t taken = packet->size();
    source.pop();
    ++sent_[path];
    return taken;
  }
  std::size_t packets(PathId path) {
    std::size_t count = 0;
    while (const std::size_t taken = next(path)) count += taken == size ? 1 : 0;
    return count;
  }
  void acknowledge_all(PathId path) { acknowledge_numbers(path, {sent_[path]}); }

  std::array<PathId, 2> paths_{};
};

TEST_F(BarePaths, CarryWholePacketsOfWholeFlows) {
  begin(Policy::bonded);  // which it can't be
  for (std::uint16_t port = 1; port <= 100; ++port) {
    push_many(port, 0, 3);
    const std::array carried = {packets(paths_[0]), packets(paths_[1])};
    EXPECT_EQ(carried[0] + carried[1], 3U);
    EXPECT_TRUE(carried[0] == 0 || carried[1] == 0) << "a flow over two paths would be out of order";
    wait(milliseconds(10));
    for (const PathId path : paths_) acknowledge_all(path);
  }
  for (const PathId path : paths_) EXPECT_GT(sender_->statistics(path).packets, 30U);
  EXPECT_EQ(pool_.available(), blocks) << "nothing is kept";
}

TEST_F(BarePaths, LoseWhatIsOnTheWayAndNothingMore) {
  begin(Policy::failover);
  push_many(1, 0, 5);
  ASSERT_EQ(packets(paths_[0]), 5U);
  sender_->down(paths_[0], now_);
  EXPECT_EQ(packets(paths_[1]), 0U) << "no packet is sent twice: who gets it could not tell";
  push_many(1, 5, 8);
  EXPECT_EQ(packets(paths_[0]), 0U);
  EXPECT_EQ(packets(paths_[1]), 3U);
}

TEST_F(BarePaths, AreBackWhenSomethingComesOverThem) {
  begin(Policy::failover);
  sender_->down(paths_[0], now_);
  sender_->heard(paths_[0], now_ - milliseconds(1), now_);
  wait(seconds(3));
  EXPECT_FALSE(sender_->statistics(paths_[0]).works) << "that was before";
  sender_->heard(paths_[0], now_, now_);
  wait(milliseconds(500));
  EXPECT_TRUE(sender_->statistics(paths_[0]).works);
}

TEST_F(BarePaths, RegisterAgainWhenTold) {
  begin(Policy::failover);
  EXPECT_EQ(next(paths_[1]), 0U);
  sender_->probe_now(paths_[1]);
  EXPECT_EQ(next(paths_[1]), registration.size());
  EXPECT_EQ(next(paths_[1]), 0U);
}

using NumberedPaths = SenderTest;

TEST_F(NumberedPaths, AreNotBackBecauseSomethingCame) {
  start(Policy::failover);
  const PathId path = add(milliseconds(20));
  add(milliseconds(20));
  sender_->down(path, now_);
  now_ += milliseconds(1);
  sender_->heard(path, now_, now_);
  wait(seconds(1));
  EXPECT_FALSE(sender_->statistics(path).works) << "it may be deaf";
}

}  // namespace
}  // namespace mpquic::tunnel
