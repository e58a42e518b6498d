#pragma once

#include <compare>
#include <cstdint>

namespace mpquic::peers {

/// A session of a client, as any thread may name it: the worker that owns it, and a number that is never used again.
struct SessionRef {
  std::uint32_t worker = 0;
  std::uint64_t number = 0;

  auto operator<=>(const SessionRef&) const = default;
};

}  // namespace mpquic::peers
