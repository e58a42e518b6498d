#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tunnel/queue.h"

namespace mpquic::tunnel {

constexpr std::size_t headers = 40;  // IPv4 and TCP without options
constexpr std::size_t full = 1400;   // of a packet on the path
constexpr std::uint32_t segment = full - headers;

enum class Ecn : std::uint8_t { not_capable = 0, capable = 2, congested = 3 };

/// What a test knows a packet by. `number` is the TCP sequence number: of a super-packet, that of its first byte.
struct Seen {
  std::uint16_t flow = 0;
  std::uint32_t number = 0;
  std::size_t size = 0;
  Ecn ecn = Ecn::not_capable;

  bool operator==(const Seen&) const = default;
};

inline Seen read(const packet::Pieces& pieces) {
  std::vector<std::uint8_t> bytes(pieces.head.begin(), pieces.head.end());
  bytes.insert(bytes.end(), pieces.rest.begin(), pieces.rest.end());
  EXPECT_GE(bytes.size(), headers);
  return {load_be16(&bytes[20]), load_be32(&bytes[24]), bytes.size(), static_cast<Ecn>(bytes[1] & 3)};
}

/// A queue with its packet memory, and a clock that is moved by hand.
class QueueTest : public testing::Test {
 protected:
  /// A TCP packet of `size` bytes, or a super-packet if that is more than one of `full`.
  void push(std::uint16_t flow, std::uint32_t number, std::size_t size = full, Ecn ecn = Ecn::not_capable) {
    packet::Buffer memory = pool_.take();
    ASSERT_TRUE(memory) << "the test needs more buffers";
    const MutableBytes bytes = memory.bytes().first(size);
    std::ranges::fill(bytes, std::uint8_t{0});
    bytes[0] = 0x45;
    bytes[1] = static_cast<std::uint8_t>(ecn);
    store_be16(&bytes[2], static_cast<std::uint16_t>(size));
    bytes[8] = 64;
    bytes[9] = 6;
    store_be32(&bytes[12], 0x0A000001);
    store_be32(&bytes[16], 0x0A000002);
    store_be16(&bytes[20], flow);
    store_be16(&bytes[22], 80);
    store_be32(&bytes[24], number);
    bytes[32] = 5 << 4;
    bytes[33] = 0x10;  // ACK
    packet::VirtioHeader virtio;
    if (size > full) {
      virtio = {.flags = packet::VirtioHeader::needs_checksum,
                .gso_type = packet::VirtioHeader::gso_tcp4,
                .header_size = headers,
                .gso_size = segment,
                .checksum_start = 20,
                .checksum_offset = 16};
    }
    auto packets = packet::Splitter::begin(virtio, bytes);
    ASSERT_TRUE(packets) << name(packets.error());
    queue_->push(std::move(memory), std::move(*packets), flow, now_);
  }

  std::optional<Seen> front(std::size_t max_packet = full) {
    const packet::Pieces* pieces = queue_->front(max_packet, now_);
    return pieces == nullptr ? std::nullopt : std::optional(read(*pieces));
  }

  std::optional<Seen> pop() {
    const auto seen = front();
    if (seen) queue_->pop();
    return seen;
  }

  /// Pops one packet every `pace` until none is left.
  std::vector<Seen> drain(Duration pace = {}) {
    std::vector<Seen> all;
    while (const auto seen = pop()) {
      all.push_back(*seen);
      now_ += pace;
    }
    EXPECT_TRUE(queue_->empty());
    EXPECT_EQ(queue_->bytes(), 0U);
    EXPECT_EQ(pool_.available(), buffers) << "memory was not given back";
    return all;
  }

  static constexpr std::size_t buffers = 1000;
  packet::BufferPool pool_{65536, buffers};
  DropCounters drops_;
  Instant now_ = Instant() + std::chrono::hours(1);
  std::optional<Queue> queue_{std::in_place, QueueLimits{}, drops_};
};

inline std::size_t bytes_of(const std::vector<Seen>& packets, std::uint16_t flow) {
  std::size_t sum = 0;
  for (const Seen& packet : packets) sum += packet.flow == flow ? packet.size : 0;
  return sum;
}

inline std::vector<std::uint32_t> numbers_of(const std::vector<Seen>& packets, std::uint16_t flow) {
  std::vector<std::uint32_t> numbers;
  for (const Seen& packet : packets) {
    if (packet.flow == flow) numbers.push_back(packet.number);
  }
  return numbers;
}

/// The size of a super-packet that is cut into so many full packets.
constexpr std::size_t super(std::size_t packets) { return headers + packets * segment; }

}  // namespace mpquic::tunnel
