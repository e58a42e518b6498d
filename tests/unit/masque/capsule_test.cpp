#include "masque/capsule.h"

#include <gtest/gtest.h>

#include "masque/varint.h"
#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using wire::Buffer;
using wire::bytes;
using wire::Capsule;
using wire::Capsules;
using wire::error_of;

Buffer capsule(std::uint64_t type, const Buffer& value) {
  Buffer buffer;
  append_varint(buffer, type);
  append_varint(buffer, value.size());
  buffer.insert(buffer.end(), value.begin(), value.end());
  return buffer;
}

/// RFC 9297, 5.4: types that mean nothing, so that nobody comes to rely on knowing all.
std::uint64_t grease(std::uint64_t n) { return 0x29 * n + 0x17; }

/// Several capsules, known and unknown, empty and not, with lengths of 1, 2, 4 and 8 bytes.
struct Stream {
  Buffer sent;
  std::vector<Capsule> expected;

  void add(CapsuleType type, const Buffer& value) {
    append_capsule(sent, type, value);
    expected.push_back({type, value});
  }
  void add_raw(const Buffer& raw) { sent.insert(sent.end(), raw.begin(), raw.end()); }
};

Stream sample_stream() {
  Stream stream;
  stream.add(CapsuleType::address_assign, {});
  stream.add_raw(capsule(grease(0), {}));
  stream.add(CapsuleType::datagram, packet::sample::payload_of(70));
  stream.add_raw(capsule(grease(3), packet::sample::payload_of(65)));
  stream.add_raw(capsule(varint_max, packet::sample::payload_of(3)));
  stream.add_raw(bytes("c000000000000003 c000000000000002 abcd"));  // long-winded, and right
  stream.expected.push_back({CapsuleType::route_advertisement, bytes("abcd")});
  stream.add(CapsuleType::address_request, packet::sample::payload_of(7));
  return stream;
}

TEST(Capsule, ComesThroughHoweverTheStreamIsCut) {
  const Stream stream = sample_stream();
  const Bytes all = stream.sent;
  for (std::size_t first = 0; first <= all.size(); ++first) {
    for (std::size_t second = first; second <= all.size(); ++second) {
      Capsules capsules;
      CapsuleReader reader;
      for (const Bytes part : {all.first(first), all.subspan(first, second - first), all.subspan(second)}) {
        ASSERT_EQ(error_of(reader.read(part, capsules)), "");
      }
      ASSERT_EQ(capsules.seen, stream.expected) << "cut at " << first << " and " << second;
      ASSERT_TRUE(reader.finish());
    }
  }
}

TEST(Capsule, ComesThroughByteByByteAndAsSoonAsItIsWhole) {
  const Stream stream = sample_stream();
  Capsules capsules;
  CapsuleReader reader;
  for (std::size_t i = 0; i < stream.sent.size(); ++i) {
    ASSERT_EQ(error_of(reader.read(Bytes(stream.sent).subspan(i, 1), capsules)), "");
    Capsules whole;
    CapsuleReader another;
    ASSERT_TRUE(another.read(Bytes(stream.sent).first(i + 1), whole));
    ASSERT_EQ(capsules.seen, whole.seen) << i;
    ASSERT_EQ(reader.finish().has_value(), another.finish().has_value()) << i;
  }
  EXPECT_EQ(capsules.seen, stream.expected);
}

TEST(Capsule, IsNotCopiedWhenItIsWholeInOneRead) {
  class Places : public CapsuleSink {
   public:
    Result<void> on_capsule(CapsuleType, Bytes value) override {
      seen.push_back(value.data());
      return {};
    }
    std::vector<const std::uint8_t*> seen;
  } places;
  Buffer stream;
  append_capsule(stream, CapsuleType::datagram, packet::sample::payload_of(1000));
  append_capsule(stream, CapsuleType::datagram, packet::sample::payload_of(1000));
  CapsuleReader reader;
  ASSERT_TRUE(reader.read(stream, places));
  EXPECT_EQ(places.seen, (std::vector<const std::uint8_t*>{&stream[3], &stream[1006]}));
}

TEST(Capsule, OfUnknownTypeIsSkippedWhateverItsLength) {
  for (const std::uint64_t type : {std::uint64_t{4}, grease(0), grease(1'000'000), varint_max}) {
    Buffer stream;
    append_varint(stream, type);
    append_varint(stream, varint_max);
    Capsules capsules;
    CapsuleReader reader;
    ASSERT_TRUE(reader.read(stream, capsules));
    const Buffer noise(100'000, 0);  // would be a great many DATAGRAM capsules
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader.read(noise, capsules));
    EXPECT_TRUE(capsules.seen.empty());
    EXPECT_EQ(error_of(reader.finish()), "the stream ended within a capsule (RFC 9297, 3.3)");
  }
}

TEST(Capsule, UpToTheLargestIsTaken) {
  const std::pair<CapsuleType, std::size_t> cases[] = {{CapsuleType::datagram, datagram_value_size_max},
                                                       {CapsuleType::address_assign, capsule_value_size_max},
                                                       {CapsuleType::address_request, capsule_value_size_max},
                                                       {CapsuleType::route_advertisement, capsule_value_size_max},
                                                       {CapsuleType::dns_servers, dns_value_size_max},
                                                       {CapsuleType::path, path_value_size_max},
                                                       {CapsuleType::path_lost, path_value_size_max}};
  for (const auto& [type, size] : cases) {
    const Buffer value = packet::sample::payload_of(size);
    Buffer stream;
    append_capsule(stream, type, value);
    EXPECT_EQ(wire::value_of(stream, type), value);
  }
}

TEST(Capsule, Rfc9297Section3_5ADatagramThatIsTooLargeIsSkippedAndCounted) {
  Buffer stream;
  append_capsule(stream, CapsuleType::datagram, Buffer(datagram_value_size_max + 1));
  append_capsule(stream, CapsuleType::datagram, bytes("00"));
  Capsules capsules;
  CapsuleReader reader;
  ASSERT_TRUE(reader.read(Bytes(stream).first(10), capsules));
  ASSERT_TRUE(reader.read(Bytes(stream).subspan(10), capsules));
  EXPECT_EQ(capsules.seen, (std::vector<Capsule>{{CapsuleType::datagram, bytes("00")}}));
  EXPECT_EQ(reader.oversized_datagrams(), 1u);
  EXPECT_TRUE(reader.finish());
}

TEST(Capsule, OfAnotherKnownTypeThatIsTooLargeIsAnErrorAtOnce) {
  for (const std::uint64_t type : {1u, 2u, 3u}) {
    for (const std::uint64_t size : {std::uint64_t{capsule_value_size_max} + 1, varint_max}) {
      Buffer stream;
      append_varint(stream, type);
      append_varint(stream, size);
      Capsules capsules;
      CapsuleReader reader;
      EXPECT_EQ(error_of(reader.read(stream, capsules)),
                fmt::format("capsule of type {} with a value of {} bytes: more than 262144 are not taken", type, size));
    }
  }
}

TEST(Capsule, Rfc9297Section3_3ATruncatedOneIsAnErrorAtTheEnd) {
  const Buffer streams[] = {bytes("01"),   bytes("0105"), bytes("010500"), bytes("40"),
                            bytes("0140"), bytes("1701"), bytes("17"),     bytes("c0000000")};
  for (const Buffer& stream : streams) {
    Capsules capsules;
    CapsuleReader reader;
    ASSERT_TRUE(reader.finish()) << "before the first";
    ASSERT_TRUE(reader.read(stream, capsules));
    EXPECT_EQ(error_of(reader.finish()), "the stream ended within a capsule (RFC 9297, 3.3)");
    EXPECT_TRUE(capsules.seen.empty());
  }
}

TEST(Capsule, TheErrorOfWhoTakesItIsTheReaders) {
  class Refusing : public CapsuleSink {
   public:
    Result<void> on_capsule(CapsuleType, Bytes) override { return failure("number {}", ++count); }
    int count = 0;
  };
  const Buffer stream = bytes("0100 0100");
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
    Refusing sink;
    CapsuleReader reader;
    auto result = reader.read(Bytes(stream).first(cut), sink);
    if (result) result = reader.read(Bytes(stream).subspan(cut), sink);
    EXPECT_EQ(error_of(result), "number 1");
  }
}

}  // namespace
}  // namespace mpquic::masque
