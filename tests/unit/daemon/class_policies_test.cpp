#include "daemon/class_policies.h"

#include <gtest/gtest.h>

#include <vector>

namespace mpquic::daemon {
namespace {

using tunnel::Policy;

template <typename Value>
config::Located<Value> located(Value value) {
  return {std::move(value), {}};
}
packet::Prefix prefix(std::string_view text) { return packet::Prefix::parse(text).value(); }

std::vector<std::uint8_t> ipv4(std::uint8_t dscp, std::uint8_t protocol, std::uint16_t port, std::uint8_t last = 9) {
  std::vector<std::uint8_t> bytes(28);
  bytes[0] = 0x45;
  bytes[1] = static_cast<std::uint8_t>(dscp << 2);
  bytes[3] = 28;
  bytes[9] = protocol;
  bytes[12] = bytes[16] = 10;
  bytes[19] = last;
  store_be16(&bytes[22], port);
  return bytes;
}

std::vector<std::uint8_t> ipv6(std::uint8_t dscp) {
  std::vector<std::uint8_t> bytes(48);
  bytes[0] = static_cast<std::uint8_t>(0x60 | dscp >> 2);
  bytes[1] = static_cast<std::uint8_t>(dscp << 6);
  bytes[5] = 8;
  bytes[6] = 17;
  return bytes;
}

class ClassPoliciesTest : public testing::Test {
 protected:
  config::ClassRule& add(const char* tunnel = "mp") {
    config::ClassRule& rule = client_.classify.emplace_back();
    rule.tunnel = located(std::string(tunnel));
    return rule;
  }
  std::optional<Policy> of(const std::vector<std::uint8_t>& packet) const {
    return ClassPolicies(client_, "mp").of(packet);
  }
  config::ClientConfig client_;
};

TEST_F(ClassPoliciesTest, TheFirstRuleThatMatchesDecides) {
  add("other").policy = located(config::PathPolicy::failover);
  auto& voice = add();
  voice.traffic.dscp = {located<std::uint8_t>(46)};
  voice.policy = located(config::PathPolicy::redundant);
  auto& near = add();
  near.traffic.destinations = {located(prefix("10.0.0.8/30"))};
  near.traffic.protocol = located<std::uint8_t>(17);
  auto& udp = add();
  udp.traffic.protocol = located<std::uint8_t>(17);
  udp.traffic.destination_ports = {located(config::PortRange{5000, 5999})};
  udp.policy = located(config::PathPolicy::balanced);
  add();

  EXPECT_EQ(of(ipv4(46, 6, 80)), Policy::redundant);
  EXPECT_EQ(of(ipv6(46)), Policy::redundant);
  EXPECT_EQ(of(ipv6(45)), std::nullopt);
  EXPECT_EQ(of(ipv4(0, 17, 5000)), std::nullopt) << "the rule has none of its own";
  EXPECT_EQ(of(ipv4(0, 17, 5000, 1)), Policy::balanced);
  EXPECT_EQ(of(ipv4(0, 17, 6000, 1)), std::nullopt);
  EXPECT_EQ(of(ipv4(0, 6, 5000, 1)), std::nullopt);
}

TEST_F(ClassPoliciesTest, WhatIsNoPacketHasNone) {
  add().policy = located(config::PathPolicy::redundant);
  EXPECT_EQ(of(ipv4(0, 6, 1)), Policy::redundant);
  EXPECT_EQ(of({1, 2, 3}), std::nullopt);
}

TEST_F(ClassPoliciesTest, AFragmentWithoutPortsMatchesNoPorts) {
  auto& rule = add();
  rule.traffic.destination_ports = {located(config::PortRange{0, 65535})};
  rule.policy = located(config::PathPolicy::redundant);
  auto packet = ipv4(0, 17, 5000);
  EXPECT_EQ(of(packet), Policy::redundant);
  packet[7] = 10;
  EXPECT_EQ(of(packet), std::nullopt);
}

}  // namespace
}  // namespace mpquic::daemon
