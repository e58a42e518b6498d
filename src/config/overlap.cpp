#include "config/overlap.h"

#include <algorithm>
#include <tuple>

namespace mpquic::config {

void for_each_overlap(std::vector<Claim> claims, const std::function<void(const Claim&, const Claim&)>& report) {
  // Two prefixes overlap only when one holds the other, and in this order the holder comes first.
  std::ranges::sort(claims, {}, [](const Claim& claim) { return std::tuple(claim.prefix, claim.place); });

  std::vector<const Claim*> around;  // the claims that hold the present one, each inside the one before: at most 129
  for (const Claim& claim : claims) {
    while (!around.empty() && !around.back()->prefix.contains(claim.prefix)) around.pop_back();
    const auto other =
        std::find_if(around.rbegin(), around.rend(), [&](const Claim* holder) { return holder->owner != claim.owner; });
    const Claim* found = other != around.rend() ? *other : around.empty() ? nullptr : around.back();
    if (found != nullptr) {
      const auto [first, second] =
          std::minmax(claim, *found, [](const Claim& a, const Claim& b) { return a.place < b.place; });
      report(second, first);
    }
    // Its equal stands for it; whoever holds both was reported with it already.
    if (around.empty() || around.back()->prefix != claim.prefix) around.push_back(&claim);
  }
}

}  // namespace mpquic::config
