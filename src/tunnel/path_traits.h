#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace mpquic::tunnel {

/// A path within its session; given out again once the path has been removed.
using PathId = std::uint8_t;
inline constexpr std::size_t most_paths = 8;

/// How a session uses its paths.
enum class Policy : std::uint8_t {
  failover,   ///< the best priority that works carries everything
  balanced,   ///< each flow has one path, by capacity and weight
  bonded,     ///< a flow that wants more than one path has is spread over several
  redundant,  ///< every packet goes over the two best paths; the first one to arrive counts
};

/// What the configuration says of a path.
struct PathTraits {
  std::string name;            ///< of its link
  std::uint32_t priority = 1;  ///< 1 is best
  std::uint32_t weight = 1;    ///< at least 1: how much of the flows it gets, in relation to what it can carry
  bool metered = false;        ///< used when nothing else works

  bool operator==(const PathTraits&) const = default;
};

}  // namespace mpquic::tunnel
