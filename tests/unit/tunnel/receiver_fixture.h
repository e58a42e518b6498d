#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tunnel/receiver.h"

namespace mpquic::tunnel {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A receiver of two paths, fast and slow, whose packets the test makes up.
class ReceiverTest : public testing::Test, public PacketSink {
 protected:
  static constexpr std::size_t blocks = 6000;

  void SetUp() override {
    for (const PathId path : {fast, slow}) receiver_->add_path(path);
    receiver_->follow_round_trip(fast, milliseconds(20));
    receiver_->follow_round_trip(slow, milliseconds(60));
  }
  void TearDown() override {
    receiver_.reset();
    EXPECT_EQ(pool_.available(), blocks) << "memory was not given back";
  }
  void deliver(Bytes packet) override {
    if (packet.size() >= 4) delivered_.push_back(load_be32(packet.data()));
  }

  struct Packet {
    std::uint16_t flow = 1;
    std::uint32_t sequence = 0;
    bool copy = false;
    bool ordered = true;
    std::size_t size = 4;
  };
  /// It was sent `ago`, over the path. What comes out of the tunnel is its sequence.
  void receive(PathId path, Packet packet, Duration ago) {
    std::vector<std::uint8_t> bytes(sequence_header_size + std::max<std::size_t>(packet.size, 4));
    const SequenceHeader header{.ordered = packet.ordered,
                                .copy = packet.copy,
                                .flow = packet.flow,
                                .sequence = packet.sequence,
                                .path_sequence = path_sequences_[path]++,
                                .sent_at = microseconds(now_ - ago)};
    write(header, std::span(bytes).first<sequence_header_size>());
    store_be32(&bytes[sequence_header_size], packet.sequence);
    receiver_->receive(path, bytes, now_, *this);
  }
  /// Both paths deliver for a while, so that their delays are known: 10 and 30 ms.
  void settle() {
    // So that nothing happens at whole microseconds only.
    now_ += std::chrono::nanoseconds(137);
    for (int i = 0; i < 50; ++i) {
      now_ += milliseconds(1);
      receive(fast, {0, unordered_++, false, false}, milliseconds(10));
      receive(slow, {0, unordered_++, false, false}, milliseconds(30));
    }
    delivered_.clear();
  }
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    while (receiver_->deadline() <= end) {
      now_ = std::max(now_, receiver_->deadline());
      receiver_->on_deadline(now_, *this);
      ASSERT_GT(receiver_->deadline(), now_) << "a timer in the past";
    }
    now_ = end;
  }
  /// A gap that a copy fills after so long, or that nothing fills; what waits comes out before the next one.
  void gap(Duration repair_after, bool is_repaired = true) {
    receive(fast, {.sequence = next_ + 1}, milliseconds(10));
    wait(repair_after);
    if (is_repaired) receive(fast, {.sequence = next_, .copy = true}, milliseconds(10));
    wait(milliseconds(200));
    next_ += 2;
  }
  /// How long a packet waits for what does not come.
  Duration vain_wait() {
    receive(fast, {.sequence = next_ + 1}, milliseconds(10));
    const Duration result = receiver_->deadline() - now_;
    wait(milliseconds(200));
    next_ += 2;
    return result;
  }
  std::vector<std::uint32_t> taken() { return std::exchange(delivered_, {}); }
  using Sequences = std::vector<std::uint32_t>;

  static constexpr PathId fast = 0, slow = 1;
  packet::BufferPool pool_{2048, blocks};
  DropCounters drops_;
  Instant now_ = Instant() + std::chrono::hours(1);
  std::optional<Receiver> receiver_{std::in_place, ReceiverLimits{}, pool_, drops_};
  std::map<PathId, std::uint32_t> path_sequences_;
  std::uint32_t unordered_ = 0;
  std::uint32_t next_ = 0;  ///< of flow 1, for gap()
  std::vector<std::uint32_t> delivered_;
};

}  // namespace mpquic::tunnel
