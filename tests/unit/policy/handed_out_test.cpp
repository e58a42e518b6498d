#include "policy/handed_out.h"

#include <gtest/gtest.h>

#include "control/status.h"

namespace mpquic::policy {
namespace {

using Texts = std::vector<std::string>;

std::vector<packet::Prefix> prefixes(const Texts& texts) {
  std::vector<packet::Prefix> all;
  for (const std::string& text : texts) all.push_back(packet::Prefix::parse(text).value());
  return all;
}

Texts accepted(const Texts& advertised, const Texts& of) {
  Texts texts;
  for (const auto& route : accepted_routes(prefixes(advertised), prefixes(of))) texts.push_back(route.to_string());
  return texts;
}

const Texts everything = {"0.0.0.0/0", "::/0"};

TEST(AcceptedRoutes, AreWhatIsAdvertisedAndAccepted) {
  EXPECT_EQ(accepted({"10.0.0.0/8", "::/0", "0.0.0.0/0"}, everything), (Texts{"0.0.0.0/0", "10.0.0.0/8", "::/0"}));
  EXPECT_EQ(accepted({"10.0.0.0/8"}, {}), Texts());
  EXPECT_EQ(accepted({"10.0.0.0/8", "192.0.2.0/24"}, {"10.0.0.0/7"}), Texts{"10.0.0.0/8"});
  EXPECT_EQ(accepted({"0.0.0.0/0"}, {"10.0.0.0/8", "192.0.2.0/24"}), (Texts{"10.0.0.0/8", "192.0.2.0/24"}))
      << "as far as it is accepted";
  EXPECT_EQ(accepted({"0.0.0.0/0", "10.0.0.0/8"}, {"10.0.0.0/8"}), Texts{"10.0.0.0/8"});
  EXPECT_EQ(accepted({"0.0.0.0/0"}, {"::/0"}), Texts());
}

TEST(AcceptedRoutes, LeadNowhereThatIsNeverRouted) {
  EXPECT_EQ(accepted({"127.0.0.0/8", "127.0.0.53/32", "169.254.1.0/24", "224.0.0.0/4", "255.255.255.255/32", "::1/128",
                      "fe80::/64", "ff02::/16"},
                     everything),
            Texts());
  EXPECT_EQ(accepted({"fd00::/8", "126.0.0.0/7"}, everything), (Texts{"126.0.0.0/7", "fd00::/8"}));
}

TEST(AcceptedRoutes, AreNotTheWholeInternetsOneByOne) {
  std::vector<packet::Prefix> advertised;
  for (unsigned i = 0; i < 5000; ++i) {
    const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256),
                                            0};
    advertised.emplace_back(packet::Address::from_bytes(bytes), 24);
  }
  EXPECT_EQ(accepted_routes(advertised, prefixes(everything)).size(), 4096u);
}

TEST(HandedOut, IsReadFromAStatus) {
  control::TunnelStatus tunnel{.name = "a", .addresses = {"10.0.0.1/32", "nonsense"}};
  tunnel.routes.push_back({.prefix = "0.0.0.0/0", .peer = {}, .kind = "advertised"});
  const std::vector tunnels = {control::TunnelStatus{.name = "b", .addresses = {"10.0.0.9/32"}}, tunnel};
  EXPECT_EQ(read_handed_out(tunnels, "a"),
            (HandedOut{{packet::InterfaceAddress::parse("10.0.0.1/32").value()}, prefixes({"0.0.0.0/0"})}));
  EXPECT_EQ(read_handed_out(tunnels, "c"), HandedOut());
}

}  // namespace
}  // namespace mpquic::policy
