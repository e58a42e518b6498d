#pragma once

#include <string_view>

#include "packet/address.h"

namespace mpquic::peers {

inline packet::Address address(std::string_view text) { return packet::Address::parse(text).value(); }
inline packet::Prefix prefix(std::string_view text) { return packet::Prefix::parse(text).value(); }

}  // namespace mpquic::peers
