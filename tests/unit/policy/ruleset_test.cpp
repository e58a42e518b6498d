#include "policy/ruleset.h"

#include <gtest/gtest.h>

namespace mpquic::policy {
namespace {

using Lines = std::vector<std::string>;

packet::Prefix prefix(const char* text) { return packet::Prefix::parse(text).value(); }

TEST(Matches, NothingMatchesEverything) { EXPECT_EQ(matches({}, {}), Lines{""}); }

TEST(Matches, EachIpVersionHasARuleOfItsOwnWhereAddressesAreNamed) {
  config::Traffic traffic;
  traffic.sources = {prefix("10.0.0.0/8"), prefix("fd00::/8"), prefix("10.1.0.0/16"), prefix("192.0.2.1/32")};
  EXPECT_EQ(matches(traffic, {"lan0"}), (Lines{R"(iifname { "lan0" } ip saddr { 10.0.0.0/8, 192.0.2.1/32 } )",
                                               R"(iifname { "lan0" } ip6 saddr { fd00::/8 } )"}));
  traffic.destinations = {prefix("198.51.100.0/24")};
  EXPECT_EQ(matches(traffic, {}), (Lines{"ip saddr { 10.0.0.0/8, 192.0.2.1/32 } ip daddr { 198.51.100.0/24 } "}));
}

TEST(Matches, PortsThatOverlapAreOne) {
  config::Traffic traffic;
  traffic.protocol = std::uint8_t{17};
  traffic.destination_ports = {config::PortRange{20, 30}, config::PortRange{5, 5}, config::PortRange{25, 40}};
  EXPECT_EQ(matches(traffic, {}), (Lines{"meta l4proto 17 th dport { 5, 20-40 } "}));
}

TEST(Matches, DscpIsSpeltOutForBothVersions) {
  config::Traffic traffic;
  traffic.dscp = {std::uint8_t{46}};
  EXPECT_EQ(matches(traffic, {}), (Lines{"ip dscp { 46 } ", "ip6 dscp { 46 } "}));
}

}  // namespace
}  // namespace mpquic::policy
