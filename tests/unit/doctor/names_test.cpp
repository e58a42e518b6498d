#include <linux/if.h>

#include "doctor/examine.h"
#include "doctor/scene.h"

namespace mpquic::doctor {
namespace {

using Lines = std::vector<std::string>;

packet::Address address(const char* text) { return packet::Address::parse(text).value(); }

/// A client whose server is a name, over a link that has this address.
class NamesTest : public testing::Test {
 protected:
  void link_has(const char* with_length) {
    const auto own = packet::InterfaceAddress::parse(with_length).value();
    seen_.links.set_links({{.ifindex = 7, .flags = IFF_UP | IFF_LOWER_UP, .name = "eth7", .operstate = IF_OPER_UP}});
    seen_.links.set_addresses({{.ifindex = 7, .address = own}});
  }
  void name_is(Result<std::vector<packet::Address>> addresses) {
    seen_.names = {{"wan1", "vps.example.net", std::move(addresses)}};
  }
  Lines servers() const {
    Lines lines;
    for (const auto& server : seen_.servers_of(configuration_.client()->tunnels[0].paths[0])) {
      lines.push_back(server.to_string());
    }
    return lines;
  }
  Findings judged() const {
    Findings findings;
    examine_links(*configuration_.client(), seen_, findings);
    examine_names(seen_, findings);
    return findings;
  }

  Scene scene_;
  config::Configuration configuration_ = scene_.load(
      "role: client\nserver: vps.example.net:443\ntls: {insecure_skip_verify: true}\nlinks: {wan1: {interface: eth7}}\n"
      "tunnels: {cr: {links: [wan1], address: 10.200.15.1/24}}\n");
  Observations seen_;
};

TEST_F(NamesTest, APathLeadsToAllAddressesOfTheName) {
  EXPECT_EQ(servers(), Lines());
  name_is(failure("vps.example.net: no such name"));
  EXPECT_EQ(servers(), Lines());
  name_is(std::vector{address("2001:db8::1"), address("192.0.2.1")});
  EXPECT_EQ(servers(), (Lines{"[2001:db8::1]:443", "192.0.2.1:443"}));
  seen_.names[0].link = "wan2";
  EXPECT_EQ(servers(), Lines()) << "another link may see another one";
  configuration_ = scene_.client();
  EXPECT_EQ(servers(), Lines{"192.0.2.10:45010"});
}

TEST_F(NamesTest, ANameThatCantBeLookedUpIsAProblem) {
  link_has("192.0.2.9/24");
  name_is(failure("vps.example.net: no such name"));
  const Findings findings = judged();
  ASSERT_EQ(wrong(findings), Lines{"problem: link wan1: vps.example.net: no such name"});
  EXPECT_NE(findings[0].mend.find("links: wan1: dns:"), std::string::npos);
  seen_.links = {};
  EXPECT_EQ(wrong(judged()), (Lines{"problem: link wan1: interface eth7 does not exist",
                                    "problem: link wan1: vps.example.net: no such name"}))
      << "the link matters also without an address to reach";
}

TEST_F(NamesTest, TheLinkNeedsOneOfTheFamilies) {
  link_has("192.0.2.9/24");
  name_is(std::vector{address("2001:db8::1"), address("192.0.2.1")});
  const Findings findings = judged();
  EXPECT_EQ(wrong(findings), Lines());
  EXPECT_EQ(to_text(findings), "ok       link wan1: vps.example.net is 2001:db8::1 192.0.2.1\n");
  name_is(std::vector{address("2001:db8::1")});
  EXPECT_EQ(wrong(judged()),
            Lines{"problem: link wan1: interface eth7 has no IPv6 address, as the server [2001:db8::1]:443 needs"});
}

}  // namespace
}  // namespace mpquic::doctor
