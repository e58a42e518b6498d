#include <gtest/gtest.h>
#include <linux/if.h>

#include "daemon/client_node.h"

namespace mpquic::daemon {
namespace {

packet::Address address(std::string_view text) { return packet::Address::parse(text).value(); }
packet::SocketAddress socket_address(std::string_view text) { return packet::SocketAddress::parse(text).value(); }

class LinkViewTest : public testing::Test {
 protected:
  LinkView view() const { return view_of(link_, link_.interface, state_, servers_); }

  config::Link link_{.name = "wan5", .place = {}, .interface = "enp7s7", .source = {}};
  system::LinkState state_{.ifindex = 7,
                           .present = true,
                           .up = true,
                           .carrier = true,
                           .mtu = 1500,
                           .addresses = {address("192.0.2.1"), address("192.0.2.2"), address("2001:db8::1")}};
  std::vector<packet::SocketAddress> servers_ = {socket_address("198.51.100.1:45010")};
};

TEST_F(LinkViewTest, ALinkThatIsUpIsUsedFromItsFirstAddressOfEachFamily) {
  EXPECT_EQ(view(), (LinkView{.interface = "enp7s7",
                              .usable = true,
                              .sources = {address("192.0.2.1"), address("2001:db8::1")},
                              .index = 7,
                              .obstacle = {}}));
  EXPECT_EQ(view().source(packet::Address::Family::ipv4), address("192.0.2.1"));
  EXPECT_EQ(view().source(packet::Address::Family::ipv6), address("2001:db8::1"));
}

TEST_F(LinkViewTest, OneFamilyThatTheServerHasIsEnough) {
  servers_.push_back(socket_address("[2001:db8:9::1]:45010"));
  EXPECT_TRUE(view().usable);
  state_.addresses = {address("2001:db8::1")};
  EXPECT_TRUE(view().usable);
  EXPECT_EQ(view().source(packet::Address::Family::ipv4), std::nullopt);
  state_.addresses.clear();
  EXPECT_EQ(view().obstacle, "no address");
}

TEST_F(LinkViewTest, ANameThatIsNotLookedUpYetMayBeOfAnyFamily) {
  servers_.clear();
  EXPECT_TRUE(view().usable);
  state_.addresses = {address("2001:db8::1")};
  EXPECT_TRUE(view().usable);
  state_.addresses.clear();
  EXPECT_EQ(view().obstacle, "no address");
}

TEST_F(LinkViewTest, TheConfiguredSourceIsUsedWhenTheInterfaceHasIt) {
  link_.source.emplace().value = address("192.0.2.2");
  EXPECT_TRUE(view().usable);
  EXPECT_EQ(view().sources, std::vector{address("192.0.2.2")});
}

TEST_F(LinkViewTest, SaysWhatIsMissing) {
  const struct {
    const char* obstacle;
    void (*change)(config::Link&, system::LinkState&);
  } table[] = {
      {"there is no such interface", [](auto&, auto& state) { state = {}; }},
      {"the interface is down", [](auto&, auto& state) { state.up = state.carrier = false; }},
      {"no carrier", [](auto&, auto& state) { state.carrier = false; }},
      {"no IPv4 address",
       [](auto&, auto& state) { state.addresses.erase(state.addresses.begin(), state.addresses.begin() + 2); }},
      {"no IPv4 address", [](auto&, auto& state) { state.addresses.clear(); }},
      {"the interface has no address 192.0.2.9",
       [](auto& link, auto&) { link.source.emplace().value = address("192.0.2.9"); }},
  };
  for (const auto& row : table) {
    config::Link link = link_;
    system::LinkState state = state_;
    row.change(link, state);
    const LinkView seen = view_of(link, link.interface, state, servers_);
    EXPECT_FALSE(seen.usable) << row.obstacle;
    EXPECT_EQ(seen.obstacle, row.obstacle);
    EXPECT_EQ(seen.interface, "enp7s7");
  }
}

TEST_F(LinkViewTest, ALinkWithoutAnInterfaceIsWhereItsAddressIs) {
  using system::AddressMessage;
  using system::LinkMessage;
  const auto here = packet::InterfaceAddress::parse("192.0.2.2/24").value();
  const auto interface = [](unsigned ifindex, const char* name) {
    return LinkMessage{.ifindex = ifindex, .flags = IFF_UP | IFF_LOWER_UP, .name = name, .operstate = IF_OPER_UP};
  };
  const auto at = [&](unsigned ifindex) { return AddressMessage{.ifindex = ifindex, .address = here}; };
  system::LinkTable table;
  table.set_links({interface(7, "enp7s7"), interface(8, "enp7s8")});
  link_.interface.clear();
  link_.source.emplace().value = here.address;
  EXPECT_EQ(view_of(link_, table, servers_),
            (LinkView{.interface = "192.0.2.2", .sources = {}, .obstacle = "no interface has this address"}));
  for (const unsigned ifindex : {7u, 8u}) {
    table.set_addresses({at(ifindex)});
    EXPECT_EQ(view_of(link_, table, servers_), (LinkView{.interface = ifindex == 7 ? "enp7s7" : "enp7s8",
                                                         .usable = true,
                                                         .sources = {here.address},
                                                         .index = ifindex,
                                                         .obstacle = {}}));
  }
}

TEST_F(LinkViewTest, ASourceOfTheOtherFamilyIsNoSource) {
  link_.source.emplace().value = address("2001:db8::1");
  EXPECT_EQ(view().obstacle, "the server has no IPv6 address");
  link_.source->value = address("192.0.2.2");
  servers_ = {socket_address("[2001:db8:9::1]:45010")};
  EXPECT_EQ(view().obstacle, "the server has no IPv4 address");
}

TEST_F(LinkViewTest, AnIpv6ServerNeedsAnIpv6Address) {
  servers_ = {socket_address("[2001:db8:9::1]:45010")};
  state_.addresses.pop_back();
  EXPECT_EQ(view().obstacle, "no IPv6 address");
}

}  // namespace
}  // namespace mpquic::daemon
