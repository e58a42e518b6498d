#pragma once

#include <cstdint>
#include <string>

namespace mpquic::sim {
inline int play_named(const std::string&, std::uint64_t, bool) { return 2; }
}  // namespace mpquic::sim
