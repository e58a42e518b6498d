#include "system/devices.h"

#include <gtest/gtest.h>

#include "system/own_network.h"

namespace mpquic::system {
namespace {

packet::InterfaceAddress address(const char* text) { return packet::InterfaceAddress::parse(text).value(); }

const VlanDevice guests{"lan0.21", "lan0", 21};

TEST(DeviceDifference, WhatIsMissingIsAddedAndSetUpFromTheBottom) {
  const Devices wanted{{guests}, {{"lan0.21", address("172.16.2.1/24")}, {"lan1", address("172.16.3.1/24")}}};
  const DevicesPresent present{{{"lan0", false}, {"lan1", true}}, {}, {}};
  EXPECT_EQ(difference(wanted, present), (DeviceChanges{{}, wanted, {"lan0", "lan0.21"}}));
}

TEST(DeviceDifference, WhatIsThereAlreadyIsNotTouchedWhoeverMadeIt) {
  const Devices wanted{{guests}, {{"lan0.21", address("172.16.2.1/24")}}};
  const DevicesPresent theirs{{{"lan0", true}, {"lan0.21", true}}, {}, {{wanted.addresses[0], false}}};
  EXPECT_TRUE(difference(wanted, theirs).empty());
  const DevicesPresent ours{theirs.interfaces, {guests}, {{wanted.addresses[0], true}}};
  EXPECT_TRUE(difference(wanted, ours).empty());
}

TEST(DeviceDifference, AnIpv6AddressIsThereWhateverTheLengthOfItsNetwork) {
  const Devices wanted{{}, {{"lan0", address("fd00::1/64")}}};
  DevicesPresent present{{{"lan0", true}}, {}, {{{"lan0", address("fd00::1/128")}, false}}};
  EXPECT_TRUE(difference(wanted, present).empty());
  present.addresses[0].ours = true;
  EXPECT_FALSE(difference(wanted, present).empty()) << "ours is made what it should be";
}

TEST(DeviceDifference, OnlyWhatIsOursIsRemoved) {
  const DevicesPresent present{{{"lan0", true}, {"lan0.21", true}, {"lan0.22", true}},
                               {guests},
                               {{{"lan0", address("172.16.1.1/24")}, true},
                                {{"lan0", address("172.16.1.2/24")}, false},
                                {{"lan0.21", address("172.16.2.1/24")}, true}}};
  const Devices ours{{guests}, {{"lan0", address("172.16.1.1/24")}}};
  EXPECT_EQ(difference({}, present), (DeviceChanges{ours, {}, {}})) << "the address of the VLAN goes with it";
}

TEST(DeviceDifference, AnAddressWithAnotherLengthIsAnother) {
  const DevicesPresent present{{{"lan0", true}}, {}, {{{"lan0", address("172.16.1.1/24")}, true}}};
  const Devices wanted{{}, {{"lan0", address("172.16.1.1/25")}}};
  EXPECT_EQ(difference(wanted, present), (DeviceChanges{present.ours(), wanted, {}}));
}

TEST(DeviceDifference, ADeviceOfOursThatIsAnotherVlanIsMadeAnewWithItsAddresses) {
  const DeviceAddress its{"lan0.21", address("172.16.2.1/24")};
  const VlanDevice wrong{"lan0.21", "lan1", 21};
  const DevicesPresent present{{{"lan0", true}, {"lan1", true}, {"lan0.21", true}}, {wrong}, {{its, true}}};
  EXPECT_EQ(difference({{guests}, {its}}, present), (DeviceChanges{{{wrong}, {}}, {{guests}, {its}}, {"lan0.21"}}));
}

TEST(DeviceDifference, AnInterfaceThatSomebodyTookDownIsSetUp) {
  const DeviceAddress its{"lan1", address("172.16.3.1/24")};
  const DevicesPresent present{{{"lan1", false}}, {}, {{its, true}}};
  EXPECT_EQ(difference({{}, {its}}, present), (DeviceChanges{{}, {}, {"lan1"}}));
}

/// Addresses, on this kernel; VLANs are tried where there are some (tests/kernel).
class DeviceAddresses : public OwnNetwork {
 protected:
  void SetUp() override {
    OwnNetwork::SetUp();
    run("ip link add lan0 type veth peer name other");
    socket_.emplace(NetlinkSocket::open().value());
  }

  std::optional<NetlinkSocket> socket_;
  const DeviceScope scope_{"mpquic.3.box", 112};
  const Devices wanted_{{}, {{"lan0", address("172.16.1.1/24")}, {"lan0", address("fd00:16::1/64")}}};
};

TEST_F(DeviceAddresses, AreMadeMarkedAndFoundAgain) {
  ASSERT_TRUE(apply_devices(*socket_, scope_, wanted_));
  EXPECT_EQ(read_devices(*socket_, scope_).value().ours(), wanted_);
  EXPECT_NE(output("ip link show lan0").find(",UP"), std::string::npos);
  const std::string before = output("ip -o address");
  ASSERT_TRUE(apply_devices(*socket_, scope_, wanted_));
  EXPECT_EQ(output("ip -o address"), before);

  ASSERT_TRUE(apply_devices(*socket_, scope_, {}));
  EXPECT_EQ(output("ip -o address show dev lan0 scope global"), "");
}

TEST_F(DeviceAddresses, OthersStayEvenInTheSameNetwork) {
  ASSERT_TRUE(apply_devices(*socket_, scope_, wanted_));
  const Devices of_another_node{{}, {{"lan0", address("172.16.1.8/24")}}};
  ASSERT_TRUE(apply_devices(*socket_, {"mpquic.0.other", 109}, of_another_node));
  run("ip address add 172.16.1.9/24 dev lan0 && "
      "sysctl -qw net.ipv4.conf.lan0.promote_secondaries=0 net.ipv4.conf.all.promote_secondaries=0");
  ASSERT_TRUE(apply_devices(*socket_, scope_, {}));
  EXPECT_EQ(output("ip -o -4 address show dev lan0 | grep -o 'inet [0-9./]*'"),
            "inet 172.16.1.8/24\ninet 172.16.1.9/24\n");
  EXPECT_EQ(output("cat /proc/sys/net/ipv4/conf/lan0/promote_secondaries"), "0\n");
}

TEST_F(DeviceAddresses, OneThatIsThereAlreadyIsUsedAndLeft) {
  run("ip address add 172.16.1.1/24 dev lan0");
  ASSERT_TRUE(apply_devices(*socket_, scope_, wanted_));
  EXPECT_EQ(read_devices(*socket_, scope_).value().ours(), (Devices{{}, {wanted_.addresses[1]}}));
  ASSERT_TRUE(apply_devices(*socket_, scope_, {}));
  EXPECT_EQ(output("ip -o address show dev lan0 scope global | grep -o 'inet6* [0-9a-f:./]*'"), "inet 172.16.1.1/24\n");
}

TEST_F(DeviceAddresses, AFailureLeavesWhatWasBefore) {
  ASSERT_TRUE(apply_devices(*socket_, scope_, wanted_));
  const Devices impossible{{}, {{"lan0", address("172.16.9.1/24")}, {"lan7", address("172.16.7.1/24")}}};
  const auto refused = apply_devices(*socket_, scope_, impossible);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "set lan7 up: there is no interface lan7");
  EXPECT_EQ(read_devices(*socket_, scope_).value().ours(), wanted_);
}

}  // namespace
}  // namespace mpquic::system
