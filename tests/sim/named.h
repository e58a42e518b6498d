#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mpquic::sim {

/// Something that was measured, and what it is to be.
struct Figure {
  std::string name;
  double value = 0;
  std::optional<double> at_least{}, at_most{};

  bool met() const { return (!at_least || value >= *at_least) && (!at_most || value <= *at_most); }
};

struct NamedScenario {
  std::string_view name;
  std::string_view about;
  /// `trials`: of those that are tried more than once.
  std::vector<Figure> (*measure)(std::uint64_t seed, int trials);
};

std::span<const NamedScenario> named_scenarios();

}  // namespace mpquic::sim
