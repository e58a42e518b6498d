#include <gtest/gtest.h>

#include <string>

#include "certs/make.h"
#include "certs/temporary_directory.h"

namespace mpquic::certs {
namespace {

TEST(ServerName, IsAnAddressOrADnsName) {
  for (const std::string name : {"a", "vps.example.net", "xn--bcher-kva.example", "3com.example", "*.example.net",
                                 "203.0.113.5", "2001:db8::1", "::", "a-b.c"}) {
    EXPECT_TRUE(check_server_name(name)) << name;
  }
  EXPECT_TRUE(check_server_name(std::string(63, 'a') + ".net"));
}

TEST(ServerName, IsNothingElse) {
  for (const std::string name :
       {"", ".", "a.", ".a", "a..b", "-a.net", "a-.net", "a_b", "a b", "10.0.0.300", "10.0.0", "10.0.0.1/24",
        "10.0.0.1:45010", "[::1]", "fe80::1%eth0", "https://a.net", "*", "a.*.net", "bücher.example"}) {
    EXPECT_FALSE(check_server_name(name)) << name;
  }
  EXPECT_FALSE(check_server_name(std::string(64, 'a') + ".net"));
  EXPECT_FALSE(check_server_name(std::string("a.net\0b", 7)));
}

TEST(ClientName, IsASafeFileName) {
  for (const std::string name : {"box1", "Box-1", "box_1.site", "7", "CA"})
    EXPECT_TRUE(check_client_name(name)) << name;
  EXPECT_TRUE(check_client_name(std::string(64, 'a')));
  for (const std::string name :
       {"", "ca", "server", "crl", ".", "..", "../box1", "a/b", ".box1", "-box1", "a b", "a\n", "*"}) {
    EXPECT_FALSE(check_client_name(name)) << name;
  }
  EXPECT_FALSE(check_client_name(std::string(65, 'a')));
}

TEST(AuthorityName, IsAnyPrintableNameOf64Bytes) {
  for (const std::string& name : {std::string("Bücher & Söhne"), std::string(64, 'a')}) {
    const TemporaryDirectory directory;
    EXPECT_TRUE(make_authority(directory.path(), name, {})) << name;
  }
  for (const std::string& name : {std::string("a\nb"), std::string(65, 'a')}) {
    const TemporaryDirectory directory;
    EXPECT_FALSE(make_authority(directory.path(), name, {})) << name;
    EXPECT_EQ(directory.entries(), 0);
  }
}

}  // namespace
}  // namespace mpquic::certs
