#include "tunnel/sequence_header.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace mpquic::tunnel {
namespace {

using Wire = std::array<std::uint8_t, sequence_header_size>;

struct Case {
  SequenceHeader header;
  Wire wire;
};

constexpr Case cases[] = {
    {{}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
    {{.ordered = true, .flow = 1, .sequence = 2, .path_sequence = 3, .sent_at = 4},
     {0x80, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4}},
    {{.copy = true, .sequence = 0x01020304, .path_sequence = 0x05060708, .sent_at = 0x090a0b0c},
     {0x40, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
    {{.ordered = true, .copy = true, .flow = 0x3fff, .sequence = 0xffffffff, .path_sequence = 0, .sent_at = 0xfffffffe},
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe}},
};

TEST(SequenceHeader, IsOnTheWireAsDescribed) {
  for (const Case& each : cases) {
    Wire wire{};
    write(each.header, wire);
    EXPECT_EQ(wire, each.wire);
    std::vector<std::uint8_t> bytes(wire.begin(), wire.end());
    bytes.insert(bytes.end(), {0x45, 0x60});
    const auto parsed = parse_sequenced(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->header, each.header);
    EXPECT_EQ(parsed->packet.data(), bytes.data() + sequence_header_size);
    EXPECT_EQ(parsed->packet.size(), 2U);
  }
}

TEST(SequenceHeader, NeedsAPacketBehindIt) {
  const std::vector<std::uint8_t> bytes(sequence_header_size + 1);
  EXPECT_TRUE(parse_sequenced(bytes));
  for (std::size_t size = 0; size <= sequence_header_size; ++size) {
    EXPECT_FALSE(parse_sequenced(Bytes(bytes).first(size))) << size;
  }
}

TEST(Distance, GoesRound) {
  EXPECT_EQ(distance(7, 5), 2);
  EXPECT_EQ(distance(5, 7), -2);
  EXPECT_EQ(distance(1, 0xffffffff), 2);
  EXPECT_EQ(distance(0xffffffff, 1), -2);
}

}  // namespace
}  // namespace mpquic::tunnel
