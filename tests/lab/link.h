#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>
#include <vector>

#include "model.h"

namespace linkem {

using namespace std::chrono_literals;

inline Parameters parsed(std::string_view text) {
  auto parameters = amend({}, text);
  EXPECT_TRUE(parameters) << parameters.error().message;
  return parameters.value_or(Parameters{});
}

/// A model under a clock that the test moves. Packets are numbered as they are pushed.
class Link {
 public:
  explicit Link(std::string_view parameters, std::uint64_t seed = 1) : model(parsed(parameters), seed) {}

  unsigned push(std::uint32_t bytes = 1000) { return model.push({next_++, bytes, bytes - 14}, now); }
  void push_every(Duration gap, unsigned packets, std::uint32_t bytes = 1000) {
    for (unsigned i = 0; i < packets; ++i, now += gap) push(bytes);
  }
  void set(std::string_view text) { model.set(*amend(model.parameters(), text), now); }

  struct Arrival {
    std::uint32_t packet;
    Duration time;
    bool operator==(const Arrival&) const = default;
  };
  /// Everything that arrives within the next `span`, each at its moment.
  std::vector<Arrival> arrivals(Duration span = 1h) {
    std::vector<Arrival> found;
    for (now += span; const auto delivery = model.pop(now);) found.push_back({delivery->slot, delivery->due - start});
    return found;
  }
  std::uint64_t drops(Drop reason) const { return model.counters().drops[static_cast<std::size_t>(reason)]; }

  static constexpr Instant start{1h};
  Instant now = start;
  Model model;

 private:
  std::uint32_t next_ = 0;
};

inline std::vector<std::uint32_t> order(const std::vector<Link::Arrival>& arrivals) {
  std::vector<std::uint32_t> packets;
  for (const auto& arrival : arrivals) packets.push_back(arrival.packet);
  return packets;
}

inline void PrintTo(const Link::Arrival& arrival, std::ostream* out) {
  *out << "packet " << arrival.packet << " at " << arrival.time.count() << " ns";
}

}  // namespace linkem
