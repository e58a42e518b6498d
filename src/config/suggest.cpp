#include "config/suggest.h"

#include <algorithm>

#include "config/problems.h"

namespace mpquic::config {

std::size_t edit_distance(std::string_view from, std::string_view to) {
  // Three rows of the table, for prefixes of `from` that are two, one and no letters shorter than the present one.
  std::vector<std::size_t> before_last(to.size() + 1);
  std::vector<std::size_t> last(to.size() + 1);
  std::vector<std::size_t> row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t substituted = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[to.size()];
}

std::string_view suggest(std::string_view word, std::span<const std::string_view> known) {
  // Among so many names any word has a neighbour, and comparing each with each would take for ever.
  constexpr std::size_t most_candidates = 200;
  if (known.size() > most_candidates) return {};

  const std::size_t tolerated = std::max<std::size_t>(1, word.size() / 3);
  std::string_view nearest;
  std::size_t nearest_distance = tolerated + 1;
  for (const std::string_view candidate : known) {
    const std::size_t shorter = std::min(word.size(), candidate.size());
    const std::size_t longer = std::max(word.size(), candidate.size());
    if (longer - shorter >= nearest_distance) continue;
    const std::size_t distance = edit_distance(word, candidate);
    // A word that shares no letter with the candidate was not a slip of the finger.
    if (distance >= nearest_distance || distance >= longer) continue;
    nearest = candidate;
    nearest_distance = distance;
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view meant = suggest(word, known);
  return meant.empty() ? std::string() : fmt::format(" (did you mean {}?)", in_quotes(meant));
}

}  // namespace mpquic::config
