#include "system/name_servers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace mpquic::system {
namespace {

class NameServersTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  static void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }
  std::string servers() const {
    std::string text;
    for (const auto& server : machine_name_servers(files_)) text += server.to_string() + " ";
    return text;
  }

  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("mpquic_resolv_" + std::to_string(getpid()));
  ResolvConf files_{folder_ / "resolved", folder_ / "programs"};
};

TEST_F(NameServersTest, WhomResolvedAsksComesFirst) {
  EXPECT_EQ(servers(), "");
  write(files_.of_programs,
        "# nameserver 192.0.2.9\nsearch example.net\nnameserver 192.0.2.53\n"
        "nameserver\t2001:db8::53 # the second\noptions edns0\n");
  EXPECT_EQ(servers(), "192.0.2.53 2001:db8::53 ");
  write(files_.of_resolved, "nameserver 192.0.2.54\nnameserver 192.0.2.54\n");
  EXPECT_EQ(servers(), "192.0.2.54 ");
}

TEST_F(NameServersTest, OneOnThisMachineIsNone) {
  write(files_.of_programs, "nameserver 127.0.0.53\nnameserver ::1\nnameserver 0.0.0.0\n");
  EXPECT_EQ(servers(), "");
  write(files_.of_programs, "nameserver 127.0.0.53\nnameserver 192.0.2.53\n");
  EXPECT_EQ(servers(), "192.0.2.53 ");
  write(files_.of_resolved, "nameserver 127.0.0.1\n");
  EXPECT_EQ(servers(), "192.0.2.53 ");
}

TEST_F(NameServersTest, WhatIsNoAddressIsPassedOver) {
  write(files_.of_programs,
        "nameserver\nnameserver fe80::1%eth0\nnameserver dns.example.net\nnameservers 192.0.2.1\n"
        "nameserver 192.0.2.53");
  EXPECT_EQ(servers(), "192.0.2.53 ");
}

}  // namespace
}  // namespace mpquic::system
