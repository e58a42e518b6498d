#include "packet/udp_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace mpquic::packet {
namespace {

Envelope to(const char* remote) { return {SocketAddress::parse(remote).value(), {}, Ecn::not_ect}; }

class UdpBatchTest : public testing::Test {
 protected:
  static constexpr std::size_t capacity = 200'000;

  void put(std::size_t size, const Envelope& envelope, UdpBatch& batch) {
    const MutableBytes space = batch.space(size);
    ASSERT_EQ(space.size(), size);
    std::ranges::fill(space, ++filling_);
    batch.commit(size, envelope);
  }
  void put(std::size_t size, const Envelope& envelope = to("192.0.2.1:1")) { put(size, envelope, batch_); }
  /// Sizes of the runs: "3x1200+50".
  std::vector<std::string> shape(const UdpBatch& batch) const {
    std::vector<std::string> result;
    for (const auto& run : batch.runs()) {
      std::string text = std::to_string(run.size / run.segment_size) + "x" + std::to_string(run.segment_size);
      if (run.size % run.segment_size != 0) text += "+" + std::to_string(run.size % run.segment_size);
      result.push_back(text);
    }
    return result;
  }
  using Shape = std::vector<std::string>;

  UdpBatch batch_{capacity, true};
  std::uint8_t filling_ = 0;
};

TEST_F(UdpBatchTest, IsEmptyAtFirstAndWhenCleared) {
  EXPECT_TRUE(batch_.empty());
  put(100);
  EXPECT_FALSE(batch_.empty());
  batch_.clear();
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(batch_.space(capacity).size(), capacity);
}

TEST_F(UdpBatchTest, EqualNeighboursForOneDestinationAreARun) {
  for (int i = 0; i < 3; ++i) put(1200);
  EXPECT_EQ(shape(batch_), Shape{"3x1200"});
}

TEST_F(UdpBatchTest, AShorterOneEndsTheRun) {
  put(1200), put(1200), put(50), put(50), put(1200);
  EXPECT_EQ(shape(batch_), (Shape{"2x1200+50", "1x50", "1x1200"}));
}

TEST_F(UdpBatchTest, ALongerOneBeginsANewRun) {
  put(1200), put(1300), put(1300);
  EXPECT_EQ(shape(batch_), (Shape{"1x1200", "2x1300"}));
}

TEST_F(UdpBatchTest, WhatDiffersOutsideBeginsANewRun) {
  const Envelope plain = to("192.0.2.1:1");
  Envelope marked = plain, from = plain;
  marked.ecn = Ecn::ect0;
  from.local = Address::parse("192.0.2.9").value();
  for (const Envelope& other : {to("192.0.2.1:2"), to("192.0.2.2:1"), marked, from}) {
    batch_.clear();
    put(1200, plain), put(1200, other), put(1200, other);
    EXPECT_EQ(shape(batch_), (Shape{"1x1200", "2x1200"}));
    EXPECT_EQ(batch_.runs()[1].envelope, other);
  }
}

TEST_F(UdpBatchTest, ARunHasNoMoreSegmentsThanOneSendTakes) {
  for (int i = 0; i < 130; ++i) put(100);
  EXPECT_EQ(shape(batch_), (Shape{"64x100", "64x100", "2x100"}));
}

TEST_F(UdpBatchTest, ARunHasNoMoreBytesThanOneSendTakes) {
  for (int i = 0; i < 50; ++i) put(1472);
  EXPECT_EQ(shape(batch_), (Shape{"44x1472", "6x1472"}));
}

TEST_F(UdpBatchTest, WithoutSegmentationEachPayloadIsItsOwnRun) {
  UdpBatch single(capacity, false);
  for (int i = 0; i < 3; ++i) put(1200, to("192.0.2.1:1"), single);
  EXPECT_EQ(shape(single), (Shape{"1x1200", "1x1200", "1x1200"}));
}

TEST_F(UdpBatchTest, KeepsTheBytesOfEachRunTogetherAndInOrder) {
  put(3), put(3), put(2), put(4);
  const Bytes first = batch_.bytes(batch_.runs()[0]), second = batch_.bytes(batch_.runs()[1]);
  EXPECT_EQ(std::vector(first.begin(), first.end()), (std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2, 3, 3}));
  EXPECT_EQ(std::vector(second.begin(), second.end()), (std::vector<std::uint8_t>{4, 4, 4, 4}));
}

TEST_F(UdpBatchTest, HasNoRoomBeyondItsCapacity) {
  UdpBatch small(3000, true);
  put(1472, to("192.0.2.1:1"), small);
  EXPECT_EQ(small.space(1472).size(), 1472U);
  put(1000, to("192.0.2.1:1"), small);  // less than what space() gave
  EXPECT_TRUE(small.space(1472).empty());
  EXPECT_EQ(small.space(528).size(), 528U);
}

}  // namespace
}  // namespace mpquic::packet
