#pragma once

#include <cstdint>
#include <random>

#include "parameters.h"

namespace linkem {

/// What chance has in store for one packet.
struct Fate {
  bool lost = false;        ///< by independent loss
  bool burst_lost = false;  ///< by the Gilbert-Elliott model
  bool duplicated = false;
  bool reordered = false;
  double jitter = 0;  ///< -1..1, in units of Parameters::jitter
};

/// The seeded part of the model. The n-th packet takes the same draws whatever happened to those before it and whatever
/// the parameters are, so that a change of one parameter doesn't move the decisions about another.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : generator_(seed) {}

  Fate next(const Parameters& parameters);

 private:
  double draw();

  std::mt19937_64 generator_;
  bool bad_ = false;
};

}  // namespace linkem
