#include "system/dhcp_lease.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace mpquic::system {
namespace {

packet::Address address(const char* text) { return packet::Address::parse(text).value(); }

class DhcpLeaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(files_.networkd);
    std::filesystem::create_directories(files_.dhclient);
    wan_.ifindex = 7;
    wan_.present = wan_.up = true;
    wan_.addresses = {address("192.0.2.5")};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::filesystem::path& file, const std::string& text) const { std::ofstream(file) << text; }
  std::optional<packet::Address> gateway() const { return lease_gateway("wan", wan_, files_); }
  std::string name_servers() const {
    std::string text;
    for (const auto& server : lease_name_servers("wan", wan_, files_)) text += server.to_string() + " ";
    return text;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("mpquic_leases_" + std::to_string(getpid()));
  LeaseFiles files_{folder_ / "networkd", folder_ / "dhclient"};
  LinkState wan_;
};

TEST_F(DhcpLeaseTest, NetworkdsLeaseOfTheInterface) {
  EXPECT_EQ(gateway(), std::nullopt);
  write(files_.networkd / "7", "# private\nADDRESS=192.0.2.5\nNETMASK=255.255.255.0\nROUTER=192.0.2.1 192.0.2.2\n");
  EXPECT_EQ(gateway(), address("192.0.2.1"));
  wan_.addresses = {address("192.0.2.6")};
  EXPECT_EQ(gateway(), std::nullopt) << "a lease of yesterday";
  wan_.addresses = {address("192.0.2.5")};
  wan_.ifindex = 8;
  EXPECT_EQ(gateway(), std::nullopt) << "another interface's";
}

TEST_F(DhcpLeaseTest, DhclientsLatestLeaseOfTheInterface) {
  const std::string lease =
      "lease {\n  interface \"wan\";\n  fixed-address 192.0.2.5;\n  option subnet-mask 255.255.255.0;\n";
  write(files_.dhclient / "dhclient.leases",
        lease + "  option routers 192.0.2.3;\n}\n" + lease +
            "  option routers 192.0.2.1,192.0.2.2;\n  expire 2 x;\n}\n" +
            "lease {\n  interface \"wan2\";\n  fixed-address 192.0.2.5;\n  option routers 192.0.2.99;\n}\n");
  EXPECT_EQ(gateway(), address("192.0.2.1"));
  write(files_.networkd / "7", "ADDRESS=192.0.2.5\nROUTER=192.0.2.9\n");
  EXPECT_EQ(gateway(), address("192.0.2.9")) << "networkd comes first";
}

TEST_F(DhcpLeaseTest, NameServersAreReadByTheSameRules) {
  EXPECT_EQ(name_servers(), "");
  const std::string lease = "lease {\n  interface \"wan\";\n  fixed-address 192.0.2.5;\n";
  write(
      files_.dhclient / "dhclient.leases",
      lease + "  option domain-name-servers 192.0.2.9;\n}\n" + lease +
          "  option domain-name-servers 192.0.2.53,192.0.2.54;\n}\n" + lease + "  option routers 192.0.2.1;\n}\n" +
          "lease {\n  interface \"wan2\";\n  fixed-address 192.0.2.5;\n  option domain-name-servers 192.0.2.99;\n}\n");
  EXPECT_EQ(name_servers(), "192.0.2.53 192.0.2.54 ");
  write(files_.networkd / "7", "ADDRESS=192.0.2.5\nROUTER=192.0.2.1\n");
  EXPECT_EQ(name_servers(), "192.0.2.53 192.0.2.54 ") << "it names none";
  write(files_.networkd / "7", "ADDRESS=192.0.2.5\nDNS=192.0.2.55 192.0.2.56\nNTP=192.0.2.57\n");
  EXPECT_EQ(name_servers(), "192.0.2.55 192.0.2.56 ");
  wan_.addresses = {address("192.0.2.6")};
  EXPECT_EQ(name_servers(), "") << "leases of yesterday";
}

TEST_F(DhcpLeaseTest, GarbageIsNoLease) {
  for (const char* text :
       {"", "ROUTER=", "ROUTER=x\nADDRESS=192.0.2.5", "\xff\xfe", "ADDRESS=192.0.2.5\nROUTER=fd00::1"}) {
    write(files_.networkd / "7", text);
    EXPECT_EQ(gateway(), std::nullopt);
  }
  for (const char* text : {"DNS=", "DNS= ,;,", "DNS=x,y", "DNS=192.0.2.53"}) {
    write(files_.networkd / "7", text);
    EXPECT_EQ(name_servers(), "");
  }
  write(files_.networkd / "7", "ADDRESS=192.0.2.5\nDNS=x 192.0.2.53 300.1.1.1\n");
  EXPECT_EQ(name_servers(), "192.0.2.53 ");
  std::filesystem::remove(files_.networkd / "7");
  for (const char* text :
       {"lease", "routers 1.1.1.1;", "lease { interface", "lease { fixed-address 192.0.2.5; option routers"}) {
    write(files_.dhclient / "a.leases", text);
    EXPECT_EQ(gateway(), std::nullopt);
  }
}

}  // namespace
}  // namespace mpquic::system
