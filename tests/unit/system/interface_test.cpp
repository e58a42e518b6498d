#include "system/interface.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "system/messages.h"
#include "system/own_network.h"
#include "system/tun_device.h"

namespace mpquic::system {
namespace {

AddressMessage present_address(const char* text, std::uint32_t flags = IFA_F_PERMANENT) {
  AddressMessage one;
  one.ifindex = 3;
  one.address = interface_address(text);
  one.flags = flags;
  return one;
}

const InterfaceSettings wanted = {
    .addresses = {interface_address("10.200.15.1/24"), interface_address("fd00::1/64")}, .mtu = 1300, .txqueuelen = 50};

InterfacePresent as_wanted() {
  return {.up = true,
          .mtu = 1300,
          .txqueuelen = 50,
          .ipv6_address_generation = IN6_ADDR_GEN_MODE_NONE,
          .addresses = {present_address("10.200.15.1/24"), present_address("fd00::1/64")}};
}

TEST(InterfaceDifference, BetweenWantedAndThereIsNothing) { EXPECT_TRUE(difference(wanted, as_wanted()).empty()); }

TEST(InterfaceDifference, IsEverythingForANewDevice) {
  const InterfacePresent fresh = {
      .up = false, .mtu = 1500, .txqueuelen = 500, .ipv6_address_generation = IN6_ADDR_GEN_MODE_EUI64};
  EXPECT_EQ(difference(wanted, fresh), (InterfaceChanges{.mtu = 1300,
                                                         .txqueuelen = 50,
                                                         .stop_ipv6_address_generation = true,
                                                         .remove = {},
                                                         .add = wanted.addresses,
                                                         .set_up = true}));
}

TEST(InterfaceDifference, IsOneThingWhereOneThingDiffers) {
  struct Case {
    const char* what;
    void (*change)(InterfacePresent&);
    void (*expect)(InterfaceChanges&);
  };
  const std::vector<Case> cases = {
      {"the MTU", [](auto& p) { p.mtu = 1400; }, [](auto& c) { c.mtu = 1300; }},
      {"the queue", [](auto& p) { p.txqueuelen = 500; }, [](auto& c) { c.txqueuelen = 50; }},
      {"down", [](auto& p) { p.up = false; }, [](auto& c) { c.set_up = true; }},
      {"IPv6 off altogether", [](auto& p) { p.ipv6_address_generation.reset(); }, [](auto&) {}},
      {"an address too many", [](auto& p) { p.addresses.push_back(present_address("10.200.15.9/24")); },
       [](auto& c) { c.remove = {present_address("10.200.15.9/24")}; }},
      {"a link-local address", [](auto& p) { p.addresses.push_back(present_address("fe80::5/64")); },
       [](auto& c) { c.remove = {present_address("fe80::5/64")}; }},
      {"an address missing", [](auto& p) { p.addresses.pop_back(); },
       [](auto& c) { c.add = {interface_address("fd00::1/64")}; }},
      {"another length", [](auto& p) { p.addresses[0] = present_address("10.200.15.1/32"); },
       [](auto& c) {
         c.remove = {present_address("10.200.15.1/32")};
         c.add = {interface_address("10.200.15.1/24")};
       }},
      {"an address that expires", [](auto& p) { p.addresses[0].flags = 0; },
       [](auto& c) {
         c.remove = {present_address("10.200.15.1/24", 0)};
         c.add = {interface_address("10.200.15.1/24")};
       }},
      {"a failed address", [](auto& p) { p.addresses[1].flags |= IFA_F_DADFAILED; },
       [](auto& c) {
         c.remove = {present_address("fd00::1/64", IFA_F_PERMANENT | IFA_F_DADFAILED)};
         c.add = {interface_address("fd00::1/64")};
       }},
  };
  for (const auto& [what, change, expect] : cases) {
    InterfacePresent present = as_wanted();
    change(present);
    InterfaceChanges expected;
    expect(expected);
    EXPECT_EQ(difference(wanted, present), expected) << what;
  }
}

class InterfaceTest : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    auto opened = NetlinkSocket::open();
    ASSERT_TRUE(opened) << opened.error().message;
    socket_.emplace(*std::move(opened));
  }
  void configure(const InterfaceSettings& settings) {
    const auto done = configure_interface(*socket_, "mpq1", settings);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::vector<std::string> addresses() {
    std::vector<std::string> texts;
    const auto present = socket_->dump(all_addresses_request(), parse_address).value();
    for (const AddressMessage& one : present) {
      texts.push_back(one.address.to_string());
      EXPECT_FALSE(one.flags & IFA_F_TENTATIVE) << texts.back() << " is not usable yet";
    }
    std::ranges::sort(texts);
    return texts;
  }
  LinkMessage link() { return socket_->get(link_request("mpq1"), parse_link, 0).value().value(); }

  std::optional<NetlinkSocket> socket_;
};

using Texts = std::vector<std::string>;

TEST_F(InterfaceTest, ANewTunGetsWhatIsWantedAndNothingElse) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure(wanted);
  EXPECT_EQ(addresses(), (Texts{"10.200.15.1/24", "fd00::1/64"}));
  EXPECT_EQ(link().mtu, 1300);
  EXPECT_EQ(link().txqueuelen, 50);
  EXPECT_TRUE(link().flags & IFF_UP);
}

TEST_F(InterfaceTest, ItsAddressesCanBeBoundAtOnce) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure(wanted);
  run("ip -6 route get fd00::2 | grep -q 'dev mpq1 .*src fd00::1'");
  run("ip route get 10.200.15.2 | grep -q 'dev mpq1 src 10.200.15.1'");
}

TEST_F(InterfaceTest, TheKernelSaysNothingOnItByItself) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure({.addresses = {interface_address("10.200.15.1/24")}});
  const auto queues = tun->take_queues();
  pollfd ready{queues[0].get(), POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, 1500), 0) << "a packet came out of a TUN that nobody sends on";
}

TEST_F(InterfaceTest, WhatACrashLeftIsReplaced) {
  run("ip tuntap add dev mpq1 mode tun && ip link set mpq1 up mtu 1400");
  run("ip addr add 10.200.15.77/24 dev mpq1 && ip addr add 10.200.15.1/24 dev mpq1");
  run("ip addr add 10.9.9.1 peer 10.9.9.2 dev mpq1 && ip -6 addr add fd00::77/64 dev mpq1");
  // Removing .77 takes .1 of the same network along, which then must be given back.
  configure(wanted);
  EXPECT_EQ(addresses(), (Texts{"10.200.15.1/24", "fd00::1/64"}));
  EXPECT_EQ(link().mtu, 1300);
}

TEST_F(InterfaceTest, DoingItAgainChangesNothing) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure(wanted);
  run("ip route add 10.50.0.0/16 dev mpq1");
  configure(wanted);
  run("ip route show 10.50.0.0/16 | grep -q mpq1");
}

TEST_F(InterfaceTest, RoutesOutliveAnotherAddress) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure({.addresses = {interface_address("10.200.15.1/32"), interface_address("fd00::1/128")}});
  run("ip route add 10.50.0.0/16 dev mpq1 && ip -6 route add fd50::/16 dev mpq1");
  configure({.addresses = {interface_address("10.200.15.2/32"), interface_address("fd00::2/128")}});
  EXPECT_EQ(addresses(), (Texts{"10.200.15.2/32", "fd00::2/128"}));
  run("ip route show 10.50.0.0/16 | grep -q mpq1 && ip -6 route show fd50::/16 | grep -q mpq1");
}

TEST_F(InterfaceTest, GrowingAnMtuThatWasTooSmallForIpv6BringsNoLinkLocalAddress) {
  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  configure({.addresses = {interface_address("10.200.15.1/24")}, .mtu = 1000});
  configure(wanted);
  EXPECT_EQ(addresses(), (Texts{"10.200.15.1/24", "fd00::1/64"}));
}

TEST_F(InterfaceTest, SaysWhatItCouldNotDo) {
  auto missing = configure_interface(*socket_, "mpq9", wanted);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "there is no interface mpq9");

  auto tun = TunDevice::open("mpq1", 1, {});
  ASSERT_TRUE(tun) << tun.error().message;
  auto small = configure_interface(*socket_, "mpq1", {.addresses = {interface_address("fd00::1/64")}, .mtu = 1200});
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().message, "mpq1 can't have the IPv6 address fd00::1/64 with an MTU of 1200: IPv6 needs 1280");

  auto tiny = configure_interface(*socket_, "mpq1", {.mtu = 20});
  ASSERT_FALSE(tiny);
  EXPECT_EQ(tiny.error().message, "set the MTU of mpq1 to 20: Invalid argument (mtu less than device minimum)");
}

}  // namespace
}  // namespace mpquic::system
