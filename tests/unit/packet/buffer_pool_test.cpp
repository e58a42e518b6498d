#include "packet/buffer_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

namespace mpquic::packet {
namespace {

TEST(BufferPoolTest, HandsOutItsBlocksAndThenNone) {
  BufferPool pool(2048, 2);
  EXPECT_EQ(pool.block_size(), 2048U);
  const Buffer first = pool.take(), second = pool.take();
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_EQ(first.bytes().size(), 2048U);
  EXPECT_FALSE(pool.take());
  EXPECT_EQ(pool.available(), 0U);
}

TEST(BufferPoolTest, BlocksDoNotOverlap) {
  BufferPool pool(100, 3);
  const std::array<Buffer, 3> buffers = {pool.take(), pool.take(), pool.take()};
  for (std::size_t i = 0; i < 3; ++i) std::ranges::fill(buffers[i].bytes(), static_cast<std::uint8_t>(i));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(std::ranges::count(buffers[i].bytes(), i), 100);
}

TEST(BufferPoolTest, TheLastBlockGivenBackIsHandedOutFirst) {
  BufferPool pool(100, 3);
  Buffer first = pool.take(), second = pool.take();
  const std::uint8_t* block = first.bytes().data();
  {
    const Buffer gone = std::move(second);
  }
  {
    const Buffer gone = std::move(first);
  }
  EXPECT_EQ(pool.take().bytes().data(), block);
}

TEST(BufferPoolTest, MovingABufferMovesTheBlock) {
  BufferPool pool(100, 2);
  Buffer first = pool.take();
  Buffer moved = std::move(first);
  EXPECT_TRUE(moved);
  EXPECT_EQ(pool.available(), 1U);
  moved = {};
  EXPECT_FALSE(moved);
  EXPECT_EQ(pool.available(), 2U);
}

}  // namespace
}  // namespace mpquic::packet
