#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "tunnel/path_traits.h"

namespace mpquic::tunnel {

/// A path as it is at the moment, for whoever chooses between paths.
struct PathView {
  PathId id = 0;
  std::uint32_t priority = 1;
  std::uint32_t weight = 1;
  bool metered = false;
  bool works = false;           ///< it answers
  bool steady = false;          ///< it has done so for a while: worth going back to
  Duration one_way{};           ///< half of the round trip; 0: not known yet
  double capacity = 0;          ///< bytes a second that it has shown; 0: none yet
  bool full = false;            ///< and that is all that it can carry
  double load = 0;              ///< bytes a second that go over it now
  std::size_t ahead = 0;        ///< bytes that wait for it
  std::size_t hungry = 0;       ///< flows on it that want more than they get
  std::size_t room = SIZE_MAX;  ///< for a packet, in bytes, as last heard
};

using PathSet = std::bitset<most_paths>;

/// Those that may carry something: of the ones that work, without metered ones while others work, those of the best
/// priority. When none works, all: one of them may yet.
PathSet eligible(std::span<const PathView> paths);

/// When a packet would arrive that is given to the path now, from now on. A path whose capacity is unknown is taken to
/// have nothing before it.
Duration expected_arrival(const PathView& path);

/// Where the next packet of everybody goes (Policy::failover). Stays at `current` until that fails, or one of a better
/// priority is steady. nullopt: there is no path.
std::optional<PathId> choose_failover(std::span<const PathView> paths, std::optional<PathId> current);
/// For a flow that begins (Policy::balanced): who has most left of what it can carry, by weight.
std::optional<PathId> choose_balanced(std::span<const PathView> paths);
/// For a flow that begins (the other policies): where its packet would arrive first. `than`: not that one.
std::optional<PathId> choose_earliest(std::span<const PathView> paths, std::optional<PathId> than = std::nullopt);

/// For a flow that has a path: another one that is steady and where its packets would arrive clearly earlier, or that.
PathId choose_earlier(std::span<const PathView> paths, PathId current);
/// For a flow that wants more than it gets, where there are so many that whole flows make the best of the paths: where
/// the fewest such are, for what each path can carry, by weight. `current`: it is one of those there.
std::optional<PathId> choose_least_crowded(std::span<const PathView> paths, const PathSet& among,
                                           std::optional<PathId> current);

/// The paths that a flow is spread over which wants more than one: beginning with the fastest, each that brings enough
/// to be worth its delay, since what is spread is as slow as the slowest of them.
PathSet choose_spread(std::span<const PathView> paths);

}  // namespace mpquic::tunnel
