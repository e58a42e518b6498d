#include "masque/http_datagram.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::bytes;

TEST(HttpDatagram, SaysItsStreamAsAQuarter) {
  struct Case {
    const char* hex;
    std::uint64_t stream;
    std::size_t payload_size;
  };
  const Case cases[] = {{"00 0045", 0, 2},
                        {"0b", 44, 0},
                        {"400b 00", 44, 1},
                        {"4040", 256, 0},
                        {"cfffffffffffffff 00", (1ULL << 62) - 4, 1}};
  for (const auto& [hex, stream, payload_size] : cases) {
    const auto encoded = bytes(hex);
    const auto read = parse_http_datagram(encoded);
    ASSERT_TRUE(read) << hex;
    EXPECT_EQ(read->stream, stream) << hex;
    EXPECT_EQ(read->payload.size(), payload_size) << hex;
    EXPECT_EQ(read->payload.data() + payload_size, encoded.data() + encoded.size()) << hex;
  }
}

TEST(HttpDatagram, Rfc9297Section2_1BadOnesAreErrors) {
  const std::pair<const char*, const char*> cases[] = {
      {"2.1: empty", ""},
      {"2.1: ends within the quarter stream id", "40"},
      {"2.1: ends within a long one", "c0000000000000"},
      {"2.1: 2^60", "d000000000000000 00"},
      {"2.1: 2^62-1", "ffffffffffffffff"},
  };
  for (const auto& [what, hex] : cases) EXPECT_FALSE(parse_http_datagram(bytes(hex))) << what;
}

TEST(IpDatagram, BeginsWithItsContext) {
  const auto packet = bytes("00 45000014");
  EXPECT_EQ(parse_ip_datagram(packet)->context, 0u);
  EXPECT_EQ(parse_ip_datagram(packet)->payload.data(), &packet[1]);
  EXPECT_EQ(parse_ip_datagram(packet)->payload.size(), 4u);
  EXPECT_EQ(parse_ip_datagram(bytes("80000045"))->context, 0x45u);
  EXPECT_EQ(parse_ip_datagram(bytes("4002"))->context, 2u);
  EXPECT_TRUE(parse_ip_datagram(bytes("00"))->payload.empty());
  EXPECT_FALSE(parse_ip_datagram({}));
  EXPECT_FALSE(parse_ip_datagram(bytes("c00000")));
}

TEST(DatagramPrefix, IsWhatIsReadBack) {
  for (const std::uint64_t stream : {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{252}, std::uint64_t{256},
                                     std::uint64_t{1} << 40, (std::uint64_t{1} << 62) - 4}) {
    for (const std::uint64_t context : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{64}, varint_max}) {
      const DatagramPrefix prefix(stream, context);
      EXPECT_EQ(prefix.bytes().size(), varint_size(stream / 4) + varint_size(context));
      const auto datagram = wire::concatenation({prefix.bytes(), bytes("45")});
      const auto http = parse_http_datagram(datagram);
      ASSERT_TRUE(http);
      EXPECT_EQ(http->stream, stream);
      EXPECT_EQ(parse_ip_datagram(http->payload)->context, context);
      EXPECT_EQ(parse_ip_datagram(http->payload)->payload.size(), 1u);
    }
  }
}

}  // namespace
}  // namespace mpquic::masque
