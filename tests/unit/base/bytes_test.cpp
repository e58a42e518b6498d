#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace mpquic {
namespace {

constexpr std::array<std::uint8_t, 6> bytes = {0x00, 0xfe, 0xdc, 0xba, 0x98, 0x00};

TEST(BytesTest, AreReadInNetworkOrderAtAnyAlignment) {
  static_assert(load_be16(&bytes[1]) == 0xfedc);
  static_assert(load_be32(&bytes[1]) == 0xfedcba98);
  EXPECT_EQ(load_be16(&bytes[1]), 0xfedcU);
  EXPECT_EQ(load_be32(&bytes[1]), 0xfedcba98U);
}

TEST(BytesTest, AreWrittenAsTheyAreReadAndNotBeyond) {
  std::array<std::uint8_t, 6> written{};
  store_be32(&written[1], 0xfedcba98);
  EXPECT_EQ(written, bytes);
  store_be16(&written[2], 0x1234);
  EXPECT_EQ(written, (std::array<std::uint8_t, 6>{0x00, 0xfe, 0x12, 0x34, 0x98, 0x00}));
}

}  // namespace
}  // namespace mpquic
