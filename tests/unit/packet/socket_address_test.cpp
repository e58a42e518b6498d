#include "packet/socket_address.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace mpquic::packet {
namespace {

TEST(SocketAddress, ReadsWhatItWrites) {
  for (const char* text : {"192.0.2.1:45010", "0.0.0.0:0", "[::]:65535", "[2001:db8::1]:443"}) {
    const auto parsed = SocketAddress::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->to_string(), text);
  }
}

TEST(SocketAddress, RefusesWhatIsNotAnAddressAndAPort) {
  for (const char* text : {"", ":", ":45010", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1",
                           "192.0.2.1: 1", "192.0.2.1:1x", "192.0.2.256:1", "2001:db8::1", "2001:db8::1:443",
                           "[2001:db8::1]", "[]:443", "[192.0.2.1]:443", "[::1:443", "::1]:443", "host:443"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

TEST(SocketAddress, TellsPortsAndFamiliesApart) {
  const std::unordered_set<SocketAddress> different = {
      *SocketAddress::parse("0.0.0.0:1"), *SocketAddress::parse("0.0.0.0:2"), *SocketAddress::parse("[::]:1")};
  EXPECT_EQ(different.size(), 3u);
  EXPECT_TRUE(different.contains(SocketAddress{Address(), 2}));
  EXPECT_LT(*SocketAddress::parse("10.0.0.1:1"), *SocketAddress::parse("10.0.0.1:2"));
}

}  // namespace
}  // namespace mpquic::packet
