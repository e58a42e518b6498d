#include "masque/varint.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::bytes;

TEST(Varint, TheExamplesOfRfc9000A1) {
  const std::pair<const char*, std::uint64_t> examples[] = {
      {"c2197c5eff14e88c", 151'288'809'941'952'652}, {"9d7f3e7d", 494'878'333}, {"7bbd", 15'293}, {"25", 37}};
  for (const auto& [hex, value] : examples) {
    const auto encoded = bytes(hex);
    const auto read = read_varint(encoded);
    ASSERT_TRUE(read) << hex;
    EXPECT_EQ(read->value, value);
    EXPECT_EQ(read->size, encoded.size());
    std::vector<std::uint8_t> written;
    append_varint(written, value);
    EXPECT_EQ(written, encoded);
  }
}

TEST(Varint, NeedNotBeTheShortest) {
  for (const char* hex : {"25", "4025", "80000025", "c000000000000025"}) {
    const auto encoded = bytes(hex);
    const auto read = read_varint(encoded);
    ASSERT_TRUE(read) << hex;
    EXPECT_EQ(read->value, 37u);
    EXPECT_EQ(read->size, encoded.size());
  }
}

TEST(Varint, ItsSizeChangesWhereTheRfcSays) {
  const std::pair<std::uint64_t, std::size_t> cases[] = {
      {0, 1}, {63, 1}, {64, 2}, {16'383, 2}, {16'384, 4}, {1073741823, 4}, {1073741824, 8}, {varint_max, 8}};
  for (const auto& [value, size] : cases) {
    EXPECT_EQ(varint_size(value), size) << value;
    std::vector<std::uint8_t> written{0xaa};
    append_varint(written, value);
    ASSERT_EQ(written.size(), 1 + size) << value;
    EXPECT_EQ(written[0], 0xaa) << "what was there stays";
    EXPECT_EQ(read_varint(Bytes(written).subspan(1))->value, value);
  }
}

TEST(Varint, IsIncompleteUntilItsLastByte) {
  for (const char* hex : {"25", "7bbd", "9d7f3e7d", "c2197c5eff14e88c"}) {
    const auto encoded = bytes(hex);
    for (std::size_t size = 0; size < encoded.size(); ++size) {
      EXPECT_FALSE(read_varint(Bytes(encoded).first(size))) << hex << " cut to " << size;
    }
  }
}

}  // namespace
}  // namespace mpquic::masque
