#pragma once

#include <functional>

#include "policy/keeper.h"

namespace mpquic::policy {

/// Applies one plan after the other until what has been made leads to no new one: routes through a VLAN follow when it
/// is there. Returns the last that was applied; it is left at a few where somebody else keeps changing things.
inline Result<Plan> settle(Keeper& keeper, const std::function<Result<Plan>()>& plan_now) {
  constexpr int most = 5;
  Plan applied;
  for (int i = 0; i < most; ++i) {
    auto plan = plan_now();
    if (!plan || (i != 0 && *plan == applied)) return plan;
    if (auto done = keeper.apply(*plan); !done) return std::unexpected(done.error());
    applied = std::move(*plan);
  }
  return applied;
}

}  // namespace mpquic::policy
