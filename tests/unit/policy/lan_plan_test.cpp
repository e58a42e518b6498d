#include "policy/lan_plan.h"

#include <gtest/gtest.h>

#include <set>

namespace mpquic::policy {
namespace {

using Texts = std::vector<std::string>;

class LanPlanTest : public testing::Test {
 protected:
  LanPlanTest() {
    client_.links = {{.name = "w", .interface = "wan.7", .vlan = config::Vlan{"wan", 7}}};
    client_.lans = {{"office", {}, "lan0", {}, {interface_address("172.16.1.1/24")}},
                    {"guests", {}, "lan0.21", config::Vlan{"lan0", 21}, {interface_address("172.16.2.1/24")}}};
  }
  static packet::InterfaceAddress interface_address(const char* text) {
    return packet::InterfaceAddress::parse(text).value();
  }
  Plan plan() {
    Plan plan;
    plan_devices(client_,
                 {.slot = slot_,
                  .link =
                      [this](std::string_view name) {
                        system::LinkState state;
                        state.present = present_.contains(std::string(name));
                        return state;
                      },
                  .vlan_interfaces =
                      [this](unsigned vlan, std::string_view parent) {
                        return vlan == 21 && parent == "lan0" ? carriers_of_21_ : Texts();
                      },
                  .no_vlans = [this] { return no_vlans_; }},
                 plan);
    return plan;
  }
  Texts vlans() {
    Texts names;
    for (const auto& vlan : plan().devices.vlans) names.push_back(vlan.to_string());
    return names;
  }
  Texts addresses() {
    Texts texts;
    for (const auto& address : plan().devices.addresses) texts.push_back(address.to_string());
    return texts;
  }

  system::KernelSlot slot_{0, "box"};
  config::ClientConfig client_;
  std::set<std::string> present_ = {"wan", "lan0"};
  Texts carriers_of_21_;
  std::optional<std::string> no_vlans_;
};

TEST_F(LanPlanTest, VlansOfLinksAndLansAreWantedAndAddressesOfLans) {
  EXPECT_EQ(vlans(), (Texts{"VLAN device wan.7 (VLAN 7 on wan)", "VLAN device lan0.21 (VLAN 21 on lan0)"}));
  EXPECT_EQ(addresses(), (Texts{"address 172.16.1.1/24 on lan0", "address 172.16.2.1/24 on lan0.21"}));
  EXPECT_EQ(plan().waiting, Texts());
}

TEST_F(LanPlanTest, WhatTheyStandOnIsWaitedFor) {
  present_ = {};
  EXPECT_EQ(plan().devices, system::Devices());
  EXPECT_EQ(plan().waiting,
            (Texts{"link w: VLAN 7 on wan: interface wan does not exist", "lan office: interface lan0 does not exist",
                   "lan guests: VLAN 21 on lan0: interface lan0 does not exist"}));
}

TEST_F(LanPlanTest, WhereTheKernelHasNoVlansTheRestStands) {
  no_vlans_ = "802.1Q: Operation not supported (Unknown device type)";
  EXPECT_EQ(vlans(), Texts());
  EXPECT_EQ(addresses(), Texts{"address 172.16.1.1/24 on lan0"});
  EXPECT_EQ(plan().waiting,
            (Texts{"link w: VLAN 7 on wan: this kernel can't make it: 802.1Q: Operation not supported (Unknown device "
                   "type)",
                   "lan guests: VLAN 21 on lan0: this kernel can't make it: 802.1Q: Operation not supported (Unknown "
                   "device type)"}));
}

TEST_F(LanPlanTest, ADeviceOfThatNameWillDoWhoeverMadeItAndWhateverItIs) {
  present_ = {"wan", "lan0.21", "wan.7", "lan0"};
  no_vlans_ = "no";
  EXPECT_EQ(plan().waiting, Texts());
  present_.erase("lan0");
  EXPECT_EQ(vlans(), Texts{"VLAN device wan.7 (VLAN 7 on wan)"}) << "without the parent there is nothing to make it on";
  EXPECT_EQ(addresses(), Texts{"address 172.16.2.1/24 on lan0.21"});
}

TEST_F(LanPlanTest, AVlanThatTheParentHasUnderAnotherNameIsNamed) {
  carriers_of_21_ = {"guestnet"};
  EXPECT_EQ(vlans(), Texts{"VLAN device wan.7 (VLAN 7 on wan)"});
  EXPECT_EQ(plan().waiting, Texts{"lan guests: VLAN 21 on lan0: it is that of interface guestnet, not of lan0.21"});
}

}  // namespace
}  // namespace mpquic::policy
