#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tunnel/path_traits.h"

namespace mpquic::masque {

/// What a client says of one path of its session (docs/connect-ip.md).
struct PathDescription {
  tunnel::PathTraits traits;
  /// How it would have the server use the paths, on the way to it; nullopt: as the server likes.
  std::optional<tunnel::Policy> policy{};

  bool operator==(const PathDescription&) const = default;
};

/// The longest name of a path, in bytes.
inline constexpr std::size_t path_name_size_max = 64;
/// The highest priority (which is the worst) and weight.
inline constexpr std::uint32_t path_rank_max = 65'535;

/// The value of a PATH capsule, which is mpquic's own. What stands behind the fields that are known here is ignored,
/// and so is a policy that is not: newer clients may have more to say.
Result<PathDescription> parse_path_description(Bytes value);

/// Appends the whole capsule, type and length included. Name, priority and weight are such as parse_path_description()
/// takes.
void append_path_description(std::vector<std::uint8_t>& to, const PathDescription& path);

/// The value of a PATH_LOST capsule, mpquic's own, too: the name of a path over which nothing comes or goes any more.
Result<std::string> parse_path_lost(Bytes value);
/// Appends the whole capsule. `name`: such as parse_path_lost() takes.
void append_path_lost(std::vector<std::uint8_t>& to, std::string_view name);

}  // namespace mpquic::masque
