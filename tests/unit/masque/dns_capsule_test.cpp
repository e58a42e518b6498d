#include "masque/dns_capsule.h"

#include <gtest/gtest.h>

#include "masque/capsule.h"

namespace mpquic::masque {
namespace {

using packet::Address;
using Value = std::vector<std::uint8_t>;

/// The only capsule of a stream.
class Only final : public CapsuleSink {
 public:
  Result<void> on_capsule(CapsuleType type, Bytes value) override {
    EXPECT_EQ(type, CapsuleType::dns_servers);
    servers = parse_dns_servers(value);
    return {};
  }
  Result<std::vector<Address>> servers = failure("no capsule");
};

TEST(DnsCapsule, WhatIsWrittenIsRead) {
  const std::vector<Address> both = {Address::parse("fd00::53").value(), Address::parse("10.0.0.53").value()};
  for (const auto& servers : {both, std::vector<Address>()}) {
    Value stream;
    append_dns_servers(stream, servers);
    Only only;
    CapsuleReader reader;
    ASSERT_TRUE(reader.read(stream, only));
    ASSERT_TRUE(only.servers) << only.servers.error().message;
    EXPECT_EQ(*only.servers, servers);
  }
}

TEST(DnsCapsule, WhatIsNoServerIsMalformed) {
  struct Case {
    const char* what;
    Value value;
  };
  const Case cases[] = {
      {"an IP version that there is not", {5, 10, 0, 0, 53}},
      {"an address that is cut off", {4, 10, 0, 0}},
      {"a version alone", {4, 10, 0, 0, 53, 6}},
      {"0.0.0.0", {4, 0, 0, 0, 0}},
      {"a group", {4, 224, 0, 0, 1}},
  };
  for (const Case& each : cases) EXPECT_FALSE(parse_dns_servers(each.value)) << each.what;
}

}  // namespace
}  // namespace mpquic::masque
