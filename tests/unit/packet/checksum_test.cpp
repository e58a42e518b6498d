#include "packet/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "packet/sample.h"

namespace mpquic::packet {
namespace {

using sample::bytes;
using sample::naive_sum;

TEST(Checksum, IsTheExampleOfRfc1071) {
  EXPECT_EQ(sum(bytes("0001 f203 f4f5 f6f7")), 0xddf2);
  EXPECT_EQ(checksum_of(0xddf2), 0x220d);
}

TEST(Checksum, IsThatOfTheNaiveReferenceForEverySizeAndAlignment) {
  const sample::Packet data = sample::payload_of(400);
  for (std::size_t from = 0; from < 33; ++from) {
    for (std::size_t size = 0; from + size <= data.size(); ++size) {
      const Bytes part = Bytes(data).subspan(from, size);
      ASSERT_EQ(sum(part), naive_sum(part)) << "from " << from << " size " << size;
    }
  }
}

TEST(Checksum, LosesNoCarry) {
  const sample::Packet ones(65'535, 0xff);
  EXPECT_EQ(sum(ones), naive_sum(ones));
  EXPECT_EQ(sum(Bytes(ones).first(65'534)), 0xffff);
  EXPECT_EQ(fold(0xffffffff), 0xffff);
  EXPECT_EQ(fold(0x1ffff), 1);
}

TEST(Checksum, OfUdpIsNeverZero) {
  EXPECT_EQ(checksum_of(0xffff), 0);
  EXPECT_EQ(nonzero_checksum_of(0xffff), 0xffff);
  EXPECT_EQ(nonzero_checksum_of(0x1234), 0xedcb);
}

TEST(Checksum, UpdateEqualsRecomputation) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 10'000; ++round) {
    sample::Packet header = sample::payload_of(20, static_cast<unsigned>(random()));
    const auto old_word = load_be16(&header[8]);
    const auto new_word = static_cast<std::uint16_t>(random());
    const std::uint16_t before = checksum_of(sum(header));
    store_be16(&header[8], new_word);
    ASSERT_EQ(updated_checksum(before, old_word, new_word), checksum_of(sum(header)));
  }
}

TEST(Checksum, UpdateIsTheExampleOfRfc1624) { EXPECT_EQ(updated_checksum(0xdd2f, 0x5555, 0x3285), 0x0000); }

TEST(Checksum, OfAnIpv4HeaderIsStoredAndHolds) {
  auto header = bytes("4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7");
  store_ipv4_checksum(header);
  EXPECT_EQ(load_be16(&header[10]), 0xb861);
  EXPECT_TRUE(ipv4_checksum_holds(header));
  header[8] ^= 1;
  EXPECT_FALSE(ipv4_checksum_holds(header));
}

TEST(PseudoHeader, CountsAddressesProtocolAndSize) {
  for (const bool is_ipv6 : {false, true}) {
    const auto packet = sample::packet_of(sample::Udp{.ip = {.is_ipv6 = is_ipv6}, .payload = sample::payload_of(101)});
    const auto view = IpView::parse(packet);
    EXPECT_EQ(fold(pseudo_header_sum(packet.data(), protocol::udp, 109) + sum(view->transport())), 0xffff);
  }
}

}  // namespace
}  // namespace mpquic::packet
