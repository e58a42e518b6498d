#include "masque/path_capsule.h"

#include <gtest/gtest.h>

#include "masque/wire.h"

namespace mpquic::masque {
namespace {

using tunnel::Policy;
using wire::Buffer;
using wire::bytes;
using wire::concatenation;
using wire::error_of;

Buffer written(const PathDescription& path) {
  Buffer stream;
  append_path_description(stream, path);
  return stream;
}

TEST(PathCapsule, LooksAsIsWrittenDown) {
  const PathDescription path{{"wan5", 2, 300, true}, Policy::bonded};
  // type, length, priority, weight, flags, policy, length of the name, name
  EXPECT_EQ(written(path), bytes("c0002d7071707468 0a 02 412c 01 03 04 77616e35"));
  EXPECT_EQ(parse_path_description(bytes("02 412c 01 03 04 77616e35")), path);
}

TEST(PathCapsule, IsReadAsItWasWritten) {
  const PathDescription cases[] = {
      {{"a", 1, 1, false}, {}},
      {{std::string(path_name_size_max, 'x'), path_rank_max, path_rank_max, true}, Policy::failover},
      {{"b\xc3\xbcro", 63, 64, false}, Policy::balanced},
      {{"wan4", 16'383, 16'384, true}, Policy::bonded},
      {{"wan4", 1, 2, false}, Policy::redundant},
  };
  for (const PathDescription& path : cases) {
    const Buffer value = wire::value_of(written(path), CapsuleType::path);
    EXPECT_EQ(parse_path_description(value), path) << path.traits.name;
  }
}

TEST(PathCapsule, OfANewerClientIsUnderstoodAsFarAsItGoes) {
  const PathDescription plain{{"w", 1, 1, false}, {}};
  const std::pair<const char*, const char*> cases[] = {
      {"fields behind the name", "01 01 00 00 01 77 ff00ff00"},
      {"a policy that there is not yet", "01 01 00 05 01 77"},
      {"a policy of a very high number", "01 01 00 ffffffffffffffff 01 77"},
      {"flags that there are not yet", "01 01 fffffffffffffffe 00 01 77"},
      {"longer integers than need be", "8000 0001 4001 c000000000000000 00 4001 77"},
  };
  for (const auto& [what, value] : cases) {
    const auto path = parse_path_description(bytes(value));
    ASSERT_TRUE(path) << what << ": " << path.error().message;
    EXPECT_EQ(*path, plain) << what;
  }
  EXPECT_TRUE(parse_path_description(bytes("01 01 ffffffffffffffff 00 01 77"))->traits.metered);
}

TEST(PathCapsule, ThatIsMalformedSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "PATH: the value ends within the priority"},
      {"40", "PATH: the value ends within the priority"},
      {"01", "PATH: the value ends within the weight"},
      {"01 01", "PATH: the value ends within the flags"},
      {"01 01 00", "PATH: the value ends within the policy"},
      {"01 01 00 00", "PATH: the value ends within the length of the name"},
      {"01 01 00 00 02 77", "PATH: the value ends within the name"},
      {"01 01 00 00 ffffffffffffffff 77", "PATH: the value ends within the name"},
      {"00 01 00 00 01 77", "PATH: priority 0 is not from 1 to 65535"},
      {"80010000 01 00 00 01 77", "PATH: priority 65536 is not from 1 to 65535"},
      {"01 00 00 00 01 77", "PATH: weight 0 is not from 1 to 65535"},
      {"01 ffffffffffffffff 00 00 01 77", "PATH: weight 4611686018427387903 is not from 1 to 65535"},
      {"01 01 00 00 00", "PATH: a name has 1 to 64 bytes and no blank"},
      {"01 01 00 00 03 772077", "PATH: a name has 1 to 64 bytes and no blank"},
      {"01 01 00 00 03 770a77", "PATH: a name has 1 to 64 bytes and no blank"},
      {"01 01 00 00 03 771b77", "PATH: a name has 1 to 64 bytes and no blank"},
      {"01 01 00 00 02 7700", "PATH: a name has 1 to 64 bytes and no blank"},
  };
  for (const auto& [value, error] : cases) EXPECT_EQ(error_of(parse_path_description(bytes(value))), error) << value;
  const Buffer long_name = concatenation({bytes("01 01 00 00 4041"), Buffer(65, 'x')});
  EXPECT_EQ(error_of(parse_path_description(long_name)), "PATH: a name has 1 to 64 bytes and no blank");
}

TEST(PathLostCapsule, HasTheNameAndPerhapsMore) {
  Buffer stream;
  append_path_lost(stream, "wan5");
  EXPECT_EQ(stream, bytes("c0002d7071706c73 05 04 77616e35"));
  EXPECT_EQ(parse_path_lost(bytes("04 77616e35")), "wan5");
  EXPECT_EQ(parse_path_lost(bytes("04 77616e35 ff00")), "wan5");
}

TEST(PathLostCapsule, ThatIsMalformedSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "PATH_LOST: the value ends within the length of the name"},
      {"02 77", "PATH_LOST: the value ends within the name"},
      {"00", "PATH_LOST: a name has 1 to 64 bytes and no blank"},
      {"03 772077", "PATH_LOST: a name has 1 to 64 bytes and no blank"},
  };
  for (const auto& [value, error] : cases) EXPECT_EQ(error_of(parse_path_lost(bytes(value))), error) << value;
}

TEST(PathCapsule, HasATypeThatIsNotReservedAndALengthThatIsLimited) {
  // RFC 9297, 5.4: these mean nothing, and everybody skips them.
  for (const auto type : {CapsuleType::path, CapsuleType::path_lost}) {
    EXPECT_NE((static_cast<std::uint64_t>(type) - 0x17) % 0x29, 0U);
  }
  Buffer stream;
  append_capsule(stream, CapsuleType::path, Buffer(path_value_size_max + 1, 1));
  wire::Capsules capsules;
  CapsuleReader reader;
  EXPECT_EQ(error_of(reader.read(Bytes(stream).first(10), capsules)),
            "capsule of type 49960962782312 with a value of 1025 bytes: more than 1024 are not taken");
}

}  // namespace
}  // namespace mpquic::masque
