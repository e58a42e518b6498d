#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "tunnel/sender.h"

namespace mpquic::tunnel {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A datagram that a path was given, taken apart.
struct Given {
  enum class Kind : std::uint8_t { plain, sequenced, probe } kind = Kind::plain;
  std::uint64_t number = 0;  ///< as its connection counts
  bool ordered = false, copy = false;
  std::uint16_t flow = 0;
  std::uint32_t sequence = 0;
  std::uint16_t port = 0;    ///< which of the test's flows
  std::uint32_t packet = 0;  ///< which of its packets
};

/// A sender whose paths are the test: it takes packets when it likes, and says what became of them.
class SenderTest : public testing::Test {
 protected:
  static constexpr std::size_t size = 1000;
  static constexpr std::size_t blocks = 4000;

  void start(Policy policy, Wire wire = Wire::sequenced) { sender_.emplace(session_, pool_, policy, wire, now_); }
  void TearDown() override {
    sender_.reset();
    session_.close();
    EXPECT_EQ(pool_.available(), blocks) << "memory was not given back";
    EXPECT_EQ(listener_.refused, std::vector<std::size_t>()) << "nobody expected that";
  }

  /// A path on which nothing has gone wrong yet, with this round trip.
  PathId add(Duration round_trip, const PathTraits& traits = {}) {
    static constexpr std::uint8_t prefixes[] = {0, 0, 0, 2, 0, 4};
    const Bytes all(prefixes);
    const auto path = sender_->add_path(traits, {all.first(2), all.subspan(2, 2), all.subspan(4, 2)}, round_trip, now_);
    EXPECT_TRUE(path);
    sent_[*path] = 0;
    round_trips_[*path] = round_trip;
    largest_[*path] = 1400;
    return *path;
  }
  /// Has the path's round trip measured, with packets of a flow of its own.
  void settle(const std::vector<PathId>& paths) {
    for (int round = 0; round < 20; ++round) {
      for (const PathId path : paths) {
        sender_->on_deadline(now_);
        now_ += seconds(10);
        const auto probe = take(path);
        ASSERT_TRUE(probe && probe->kind == Given::Kind::probe);
        now_ += round_trips_[path];
        acknowledge(path, {*probe});
      }
    }
  }

  void push(std::uint16_t port, std::uint32_t packet, bool in_order = true, std::uint16_t length = size) {
    packet::Buffer memory = pool_.take();
    ASSERT_TRUE(memory);
    const MutableBytes bytes = memory.bytes().first(length);
    std::ranges::fill(bytes, std::uint8_t{0});
    bytes[0] = 0x45;
    store_be16(&bytes[2], length);
    bytes[8] = 64;
    bytes[9] = 17;
    store_be16(&bytes[20], port);
    store_be32(&bytes[28], packet);
    auto packets = packet::Splitter::begin({}, bytes);
    ASSERT_TRUE(packets);
    sender_->push(std::move(memory), std::move(*packets), port, in_order, now_);
  }
  void push_many(std::uint16_t port, std::uint32_t from, std::uint32_t to, bool in_order = true) {
    for (; from < to; ++from) push(port, from, in_order);
  }

  /// What the path's connection would send now.
  std::optional<Given> take(PathId path) {
    quic::DatagramSource& source = sender_->source(path);
    const packet::Pieces* packet = source.front(largest_[path], now_);
    if (packet == nullptr) return std::nullopt;
    const Bytes prefix = source.prefix();
    Given given;
    given.number = ++sent_[path];
    given.kind = prefix[1] == 0 ? Given::Kind::plain : prefix[1] == 2 ? Given::Kind::sequenced : Given::Kind::probe;
    if (given.kind == Given::Kind::sequenced) {
      EXPECT_EQ(prefix.size(), 2 + sequence_header_size);
      const std::uint16_t first = load_be16(&prefix[2]);
      given.ordered = (first & 0x8000) != 0;
      given.copy = (first & 0x4000) != 0;
      given.flow = first & 0x3fff;
      given.sequence = load_be32(&prefix[4]);
    }
    if (given.kind != Given::Kind::probe) {
      EXPECT_EQ(packet->size(), load_be16(&packet->head[2]));
      given.port = load_be16(&packet->head[20]);
      given.packet = load_be32(&packet->head[28]);
    }
    source.pop();
    return given;
  }
  /// All that it would send now; probes apart.
  std::vector<Given> take_all(PathId path) {
    std::vector<Given> all;
    while (const auto given = take(path)) {
      if (given->kind != Given::Kind::probe) all.push_back(*given);
    }
    return all;
  }
  void acknowledge_numbers(PathId path, const std::vector<std::uint64_t>& numbers) {
    for (const std::uint64_t number : numbers | std::views::reverse) sender_->acknowledged(path, number, now_);
    sender_->after_receive(path, now_);
  }
  void acknowledge(PathId path, const std::vector<Given>& given) {
    std::vector<std::uint64_t> numbers;
    for (const Given& each : given) numbers.push_back(each.number);
    acknowledge_numbers(path, numbers);
  }
  /// What a path can carry, and what it has carried.
  struct Carrier {
    PathId path;
    std::size_t per_millisecond;
    std::vector<Given> carried = {};
    std::vector<std::pair<Instant, Given>> on_the_way = {};
  };
  /// Each millisecond, so many packets of `flows` flows in turns, from this port on, are pushed while fewer than
  /// `window` wait or are on the way, and each path takes what it can carry; everything arrives, and is acknowledged a
  /// round trip after it was sent.
  void carry(std::vector<Carrier*> carriers, std::uint16_t port, std::size_t per_millisecond, std::size_t window,
             Duration duration, std::uint16_t flows = 1) {
    for (const Instant end = now_ + duration; now_ < end;) {
      wait(milliseconds(1));
      std::size_t on_the_way = session_.queued_bytes() / size;
      for (const Carrier* carrier : carriers) on_the_way += carrier->on_the_way.size();
      for (std::size_t i = 0; i < per_millisecond && on_the_way < window; ++i, ++on_the_way) {
        push(static_cast<std::uint16_t>(port + pushed_ % flows), pushed_);
        ++pushed_;
      }
      for (const PathId path : sender_->write_order()) {
        Carrier& carrier = **std::ranges::find_if(carriers, [&](const Carrier* each) { return each->path == path; });
        for (std::size_t i = 0; i < carrier.per_millisecond; ++i) {
          const auto given = take(path);
          if (!given) break;
          carrier.on_the_way.emplace_back(now_ + round_trips_[path], *given);
          if (given->kind != Given::Kind::probe) carrier.carried.push_back(*given);
        }
      }
      for (Carrier* carrier : carriers) {
        std::vector<Given> arrived;
        std::erase_if(carrier->on_the_way, [&](const auto& each) {
          if (each.first > now_) return false;
          arrived.push_back(each.second);
          return true;
        });
        if (!arrived.empty()) acknowledge(carrier->path, arrived);
      }
    }
  }

  /// Time passes, timers are kept.
  void wait(Duration duration) {
    const Instant end = now_ + duration;
    while (sender_->deadline() <= end) {
      now_ = std::max(now_, sender_->deadline());
      sender_->on_deadline(now_);
      if (sender_->deadline() <= now_) break;  // a probe is due, which take() gives
    }
    now_ = end;
    sender_->on_deadline(now_);
  }

  struct Listener final : TooBigListener {
    void on_too_big(const packet::Pieces&, std::size_t mtu) override { refused.push_back(mtu); }
    std::vector<std::size_t> refused;  ///< what would have fitted
  };

  packet::BufferPool pool_{2048, blocks};
  DropCounters drops_;
  Listener listener_;
  Instant now_ = Instant() + std::chrono::hours(1);
  Session session_{{.flows = 1024}, drops_, listener_};
  std::optional<Sender> sender_;
  std::uint32_t pushed_ = 0;
  std::map<PathId, std::uint64_t> sent_;
  std::map<PathId, Duration> round_trips_;
  std::map<PathId, std::size_t> largest_;  ///< datagram that it takes
};

}  // namespace mpquic::tunnel
