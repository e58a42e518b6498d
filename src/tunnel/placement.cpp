#include "tunnel/placement.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

namespace mpquic::tunnel {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// What is less brings more trouble than throughput.
constexpr double least_gain = 0.08;
// So much more of the capacity for each doubling, trebling... of the delay.
constexpr double gain_per_delay = 0.02;
// Nobody waits so much longer for more throughput: TCP's own timers come near.
constexpr Duration most_extra_delay = std::chrono::milliseconds(150);

// Less sooner than that is not worth going to another path for.
constexpr Duration clearly = std::chrono::milliseconds(5);

double most_capacity(std::span<const PathView> paths) {
  double most = 0;
  for (const PathView& path : paths) most = std::max(most, path.capacity);
  return most;
}

/// One that nobody knows yet is worth a try.
double share(const PathView& path, double most) {
  return (path.full ? path.capacity : std::max(most, 1.0)) * path.weight;
}

}  // namespace

PathSet eligible(std::span<const PathView> paths) {
  const auto among = [&](auto&& wanted) {
    PathSet set;
    std::uint32_t best = std::numeric_limits<std::uint32_t>::max();
    for (const PathView& path : paths) {
      if (wanted(path)) best = std::min(best, path.priority);
    }
    for (const PathView& path : paths) set[path.id] = wanted(path) && path.priority == best;
    return set;
  };
  PathSet set = among([](const PathView& path) { return path.works && !path.metered; });
  if (set.none()) set = among([](const PathView& path) { return path.works; });
  if (set.none()) {
    for (const PathView& path : paths) set.set(path.id);
  }
  return set;
}

Duration expected_arrival(const PathView& path) {
  if (path.capacity <= 0) return path.one_way;
  const double wait = static_cast<double>(path.ahead) / path.capacity;
  return path.one_way + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(wait, 10.0)));
}

std::optional<PathId> choose_failover(std::span<const PathView> paths, std::optional<PathId> current) {
  const PathSet set = eligible(paths);
  const auto find = [&](PathId id) { return std::ranges::find(paths, id, &PathView::id); };
  if (current) {
    const auto used = find(*current);
    if (used != paths.end() && used->works) {
      if (set[*current]) return current;
      const auto steady =
          std::ranges::find_if(paths, [&](const PathView& path) { return set[path.id] && path.steady; });
      return steady == paths.end() ? current : std::optional(steady->id);
    }
  }
  const auto first = std::ranges::find_if(paths, [&](const PathView& path) { return set[path.id]; });
  return first == paths.end() ? std::nullopt : std::optional(first->id);
}

std::optional<PathId> choose_balanced(std::span<const PathView> paths) {
  const PathSet set = eligible(paths);
  const double most = most_capacity(paths);
  std::optional<PathId> best;
  double least = std::numeric_limits<double>::infinity();
  for (const PathView& path : paths) {
    if (!set[path.id]) continue;
    const double filled = (path.load + 1) / share(path, most);
    if (filled < least) {
      least = filled;
      best = path.id;
    }
  }
  return best;
}

std::optional<PathId> choose_least_crowded(std::span<const PathView> paths, const PathSet& among,
                                           std::optional<PathId> current) {
  const double most = most_capacity(paths);
  std::optional<PathId> best;
  double least = std::numeric_limits<double>::infinity();
  for (const PathView& path : paths) {
    if (!among[path.id]) continue;
    const bool there = path.id == current;
    const std::size_t flows = path.hungry + (there && path.hungry > 0 ? 0 : 1);
    const double crowded = static_cast<double>(flows) / share(path, most);
    if (crowded > least || (crowded == least && !there)) continue;
    least = crowded;
    best = path.id;
  }
  return best;
}

std::optional<PathId> choose_earliest(std::span<const PathView> paths, std::optional<PathId> than) {
  const PathSet set = eligible(paths);
  const PathView* best = nullptr;
  for (const PathView& path : paths) {
    if (!set[path.id] || path.id == than) continue;
    if (best == nullptr || expected_arrival(path) < expected_arrival(*best)) best = &path;
  }
  return best == nullptr ? std::nullopt : std::optional(best->id);
}

PathId choose_earlier(std::span<const PathView> paths, PathId current) {
  const auto earliest = choose_earliest(paths);
  if (!earliest || earliest == current) return current;
  const PathView& better = *std::ranges::find(paths, *earliest, &PathView::id);
  const auto now = std::ranges::find(paths, current, &PathView::id);
  if (now == paths.end()) return *earliest;
  const Duration before = expected_arrival(*now);
  return better.steady && before - expected_arrival(better) >= std::max<Duration>(clearly, before / 4) ? better.id
                                                                                                       : current;
}

PathSet choose_spread(std::span<const PathView> paths) {
  const PathSet set = eligible(paths);
  std::vector<const PathView*> order;
  double most = 0;
  for (const PathView& path : paths) {
    if (set[path.id]) order.push_back(&path);
    most = std::max(most, path.capacity);
  }
  // One that has not shown what it can carry is given the chance.
  const auto capacity = [&](const PathView& path) { return path.full ? path.capacity : most; };
  std::ranges::sort(order, {}, &PathView::one_way);
  // From which path on the set is worth most: a fast but narrow one may not be worth keeping the wide ones out for.
  PathSet best;
  double best_sum = 0;
  for (std::size_t from = 0; from < order.size(); ++from) {
    PathSet chosen;
    chosen.set(order[from]->id);
    double sum = capacity(*order[from]);
    const double fastest = std::max(seconds(order[from]->one_way), 0.001);
    for (std::size_t i = from + 1; i < order.size(); ++i) {
      const PathView& path = *order[i];
      const double gain = sum > 0 ? capacity(path) / sum : 1;
      const double delay = seconds(path.one_way) / fastest;
      if (path.one_way - order[from]->one_way > most_extra_delay) break;
      if (gain < std::max(least_gain, gain_per_delay * (delay - 1))) continue;
      chosen.set(path.id);
      sum += capacity(path);
    }
    // What is slower must bring clearly more.
    if (best.none() || sum > best_sum * (1 + least_gain)) {
      best = chosen;
      best_sum = sum;
    }
  }
  return best;
}

}  // namespace mpquic::tunnel
