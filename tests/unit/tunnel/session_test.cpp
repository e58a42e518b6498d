#include "tunnel/session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "packet/sample.h"

namespace mpquic::tunnel {
namespace {

using namespace std::chrono_literals;
using packet::sample::Packet;

constexpr std::size_t path = 1400;  // the largest datagram

class SessionTest : public testing::Test, private TooBigListener {
 protected:
  struct TooBig {
    std::size_t size, mtu;
    bool operator==(const TooBig&) const = default;
  };

  /// A UDP packet of this size from the TUN device.
  Packet push(std::size_t size) {
    const Packet packet = packet::sample::packet_of(
        packet::sample::Udp{.payload = packet::sample::payload_of(size - 28, static_cast<unsigned>(size))});
    packet::Buffer memory = pool_.take();
    const MutableBytes bytes = memory.bytes().first(packet.size());
    std::ranges::copy(packet, bytes.begin());
    session_.push(std::move(memory), *packet::Splitter::begin({}, bytes), packet::flow_hash(packet), now_);
    return packet;
  }
  std::optional<Packet> front(std::size_t max_size = path) {
    const packet::Pieces* pieces = session_.front(max_size, now_);
    if (pieces == nullptr) return std::nullopt;
    return packet::sample::concatenation({pieces->head, pieces->rest});
  }
  std::optional<Packet> pop(std::size_t max_size = path) {
    auto packet = front(max_size);
    if (packet) session_.pop();
    return packet;
  }

  void on_too_big(const packet::Pieces& packet, std::size_t mtu) override { too_big_.push_back({packet.size(), mtu}); }

  packet::BufferPool pool_{2048, 16};
  DropCounters drops_;
  Instant now_ = Instant() + 1h;
  std::vector<TooBig> too_big_;
  Session session_{{}, drops_, *this};
};

TEST_F(SessionTest, DropsWhatComesWhileItIsClosed) {
  EXPECT_FALSE(session_.is_open());
  push(100);
  EXPECT_EQ(front(), std::nullopt);
  EXPECT_EQ(drops_[Drop::no_path], 1U);
  EXPECT_EQ(pool_.available(), 16U);
}

TEST_F(SessionTest, GivesPacketsOneAfterAnotherOnceItIsOpen) {
  session_.open(now_);
  const Packet first = push(100), second = push(200);
  EXPECT_EQ(front(), first);
  EXPECT_EQ(front(), first) << "until it is popped";
  EXPECT_TRUE(session_.more());
  EXPECT_EQ(session_.queued_bytes(), 300U);
  EXPECT_EQ(pop(), first);
  EXPECT_EQ(front(), second);
  EXPECT_FALSE(session_.more()) << "nothing is behind the front";
  EXPECT_EQ(pop(), second);
  EXPECT_EQ(pop(), std::nullopt);
  EXPECT_EQ(session_.queued_bytes(), 0U);
}

TEST_F(SessionTest, ClosingDropsWhatWaits) {
  session_.open(now_);
  push(100), push(200), push(1500);
  session_.close();
  EXPECT_EQ(drops_[Drop::no_path], 3U);
  EXPECT_EQ(session_.queued_bytes(), 0U);
  EXPECT_EQ(pool_.available(), 16U);
  EXPECT_TRUE(too_big_.empty());
  session_.open(now_);
  EXPECT_EQ(front(), std::nullopt);
}

TEST_F(SessionTest, TheRegistrationGoesAheadOfEverythingElse) {
  session_.open(now_);
  const Packet waiting = push(100);
  session_.send_registration(packet::Address::parse("10.200.15.1").value());
  EXPECT_TRUE(session_.more());
  EXPECT_EQ(pop(), (Packet{10, 200, 15, 1}));
  EXPECT_EQ(pop(), waiting);
  EXPECT_EQ(pop(), std::nullopt) << "once is enough";
}

TEST_F(SessionTest, TheRegistrationMayBeAllThereIs) {
  session_.open(now_);
  session_.send_registration(packet::Address::parse("10.200.15.1").value());
  EXPECT_FALSE(session_.more());
  EXPECT_EQ(pop(), (Packet{10, 200, 15, 1}));
}

TEST_F(SessionTest, TheRegistrationGoesBeforeAPacketThatIsHeldBack) {
  session_.open(now_);
  push(1450);
  EXPECT_EQ(front(), std::nullopt);
  session_.send_registration(packet::Address::parse("10.200.15.1").value());
  EXPECT_EQ(pop(), (Packet{10, 200, 15, 1}));
  EXPECT_EQ(front(), std::nullopt);
}

TEST_F(SessionTest, ARegistrationOfAConnectionThatClosedIsNotSentOverTheNext) {
  session_.open(now_);
  session_.send_registration(packet::Address::parse("10.200.15.1").value());
  session_.close();
  session_.open(now_);
  EXPECT_EQ(front(), std::nullopt);
}

TEST_F(SessionTest, HoldsBackWhatIsTooBigWhileThePathSettles) {
  session_.open(now_);
  const Packet large = push(1450);
  now_ += 999ms;
  EXPECT_EQ(front(), std::nullopt);
  EXPECT_EQ(session_.deadline(), now_ + 1ms);
  EXPECT_TRUE(too_big_.empty());
  EXPECT_EQ(front(1450), large) << "path MTU discovery has got further";
}

TEST_F(SessionTest, TellsWhatIsTooBigOnceThePathHasSettled) {
  session_.open(now_);
  push(1450);
  EXPECT_EQ(front(), std::nullopt);
  now_ += 1s;
  const Packet small = push(100);
  EXPECT_EQ(pop(), small);
  EXPECT_EQ(too_big_, (std::vector<TooBig>{{1450, path}}));
  EXPECT_EQ(drops_[Drop::too_big], 1U);
  EXPECT_EQ(session_.deadline(), never);
  push(1401), push(1400);
  EXPECT_EQ(pop()->size(), 1400U);
  EXPECT_EQ(too_big_.size(), 2U);
  EXPECT_EQ(pool_.available(), 16U);
}

TEST_F(SessionTest, WhatHasAnotherWayWaitsForNothing) {
  session_.let_through(1280);
  session_.open(now_);
  for (const Duration settled : {0s, 2s}) {
    now_ += settled;
    const Packet packet = push(1280);
    EXPECT_EQ(pop(1200), packet);
  }
  push(1281);
  EXPECT_EQ(front(1200), std::nullopt);
  EXPECT_EQ(too_big_, (std::vector<TooBig>{{1281, 1200}}));
}

TEST_F(SessionTest, EachConnectionSettlesAnew) {
  session_.open(now_);
  now_ += 1h;
  session_.close();
  session_.open(now_);
  push(1450);
  EXPECT_EQ(front(), std::nullopt);
  EXPECT_TRUE(too_big_.empty());
  EXPECT_EQ(session_.deadline(), now_ + 1s);
}

TEST_F(SessionTest, AnotherConnectionSettlesToo) {
  session_.open(now_);
  now_ += 1h;
  session_.settle(now_);
  const Packet large = push(1450);
  EXPECT_EQ(front(), std::nullopt);
  EXPECT_EQ(session_.deadline(), now_ + 1s);
  EXPECT_EQ(pop(1450), large) << "the other one carries it";
  push(1450);
  now_ += 1s;
  EXPECT_EQ(front(), std::nullopt);
  EXPECT_EQ(too_big_.size(), 1U);
}

TEST_F(SessionTest, HasNoDeadlineOfItsOwnOtherwise) {
  EXPECT_EQ(session_.deadline(), never);
  session_.open(now_);
  EXPECT_EQ(session_.deadline(), never);
  push(100);
  EXPECT_NE(front(), std::nullopt);
  EXPECT_EQ(session_.deadline(), never);
}

}  // namespace
}  // namespace mpquic::tunnel
