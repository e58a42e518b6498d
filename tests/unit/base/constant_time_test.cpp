#include "base/constant_time.h"

#include <gtest/gtest.h>

#include <string>

namespace mpquic {
namespace {

TEST(EqualInConstantTime, IsEquality) {
  const std::string secret = "sha256:0123456789abcdef";
  EXPECT_TRUE(equal_in_constant_time(secret, std::string(secret)));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time(secret, ""));
  EXPECT_FALSE(equal_in_constant_time(secret, secret.substr(1)));
  EXPECT_FALSE(equal_in_constant_time(secret, secret + "0"));
  for (std::size_t i = 0; i < secret.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string other = secret;
      other[i] = static_cast<char>(other[i] ^ (1 << bit));
      EXPECT_FALSE(equal_in_constant_time(secret, other)) << i << ", bit " << bit;
    }
  }
}

}  // namespace
}  // namespace mpquic
