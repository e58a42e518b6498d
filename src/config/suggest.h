#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpquic::config {

/// Insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment).
std::size_t edit_distance(std::string_view from, std::string_view to);

/// The known word that is so near that it must have been meant, or an empty one. The nearest wins, then the first.
std::string_view suggest(std::string_view word, std::span<const std::string_view> known);

/// ` (did you mean "weight"?)`, or nothing: to stand behind an error.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

/// The names of links, tunnels and the like.
template <class Named>
std::vector<std::string_view> names_of(const std::vector<Named>& all) {
  std::vector<std::string_view> names;
  names.reserve(all.size());
  for (const Named& one : all) names.push_back(one.name);
  return names;
}

}  // namespace mpquic::config
