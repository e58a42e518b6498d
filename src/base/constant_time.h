#pragma once

#include <cstddef>
#include <string_view>

namespace mpquic {

/// Whether two secrets are equal. How long that takes depends on their sizes alone, so an attacker who measures it does
/// not learn how many characters are right.
inline bool equal_in_constant_time(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    difference |= static_cast<unsigned char>(one[i] ^ other[i]);
    asm volatile("" : "+r"(difference));  // keeps the compiler from leaving early
  }
  return difference == 0;
}

}  // namespace mpquic
