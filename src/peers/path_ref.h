#pragma once

#include <compare>
#include <cstdint>

namespace mpquic::peers {

/// A path of a client, as any thread may name it: the worker that owns it, and a number that is never used again.
struct PathRef {
  std::uint32_t worker = 0;
  std::uint64_t number = 0;

  auto operator<=>(const PathRef&) const = default;
};

}  // namespace mpquic::peers
