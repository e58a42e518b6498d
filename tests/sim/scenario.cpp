#include "sim/scenario.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace mpquic::sim {
namespace {

double milliseconds_of(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }
double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

constexpr std::array<std::string_view, 4> policies = {"failover", "balanced", "bonded", "redundant"};
constexpr std::array<std::string_view, 8> happenings = {
    "is a black hole", "is a black hole upwards", "is a black hole downwards", "is pulled",
    "is healed",       "changes its rate by",     "loses from now on",         "gets another address"};

std::string describe(const LinkSettings& way) {
  std::string text = fmt::format("{:.3f} Mbit/s, {:.1f} ms", way.rate * 1e-6, milliseconds_of(way.delay));
  if (way.jitter > Duration::zero()) text += fmt::format(" + 0..{:.1f} ms", milliseconds_of(way.jitter));
  if (way.queue > 0) text += fmt::format(", queue of {} bytes", way.queue);
  if (way.loss > 0) text += fmt::format(", loss {:.2f} % in bursts of {:.1f}", way.loss * 100, way.burst);
  if (way.reordering > 0) {
    text += fmt::format(", {:.2f} % overtaken by {:.1f} ms", way.reordering * 100, milliseconds_of(way.overtaken));
  }
  if (way.duplication > 0) text += fmt::format(", {:.2f} % twice", way.duplication * 100);
  if (way.largest != LinkSettings{}.largest) text += fmt::format(", at most {} bytes", way.largest);
  return text;
}

}  // namespace

std::string describe(const Scenario& scenario) {
  const WorldSettings& world = scenario.world;
  std::string text =
      fmt::format("seed {}, {:.1f} s, box {} with {} buffers, server {} with {} buffers, {}\n", world.seed,
                  seconds_of(scenario.length), policies[std::to_underlying(world.box.policy)], world.box.buffers,
                  policies[std::to_underlying(world.server.policy)], world.server.buffers,
                  world.congestion == quic::CongestionControl::bbr ? "bbr" : "cubic");
  if (world.server.lies > 0)
    text += fmt::format("  {:.2f} % of what comes to the server lies\n", world.server.lies * 100);
  for (std::size_t i = 0; i < world.wans.size(); ++i) {
    const Wan& wan = world.wans[i];
    text += fmt::format("  link {}: priority {}, weight {}{}\n    up   {}\n    down {}\n", i + 1, wan.traits.priority,
                        wan.traits.weight, wan.traits.metered ? ", metered" : "", describe(wan.up), describe(wan.down));
  }
  for (const Traffic& each : scenario.traffic) {
    text += fmt::format("  {:8.3f} s: {} ", seconds_of(each.begins), each.up ? "up" : "down");
    text += each.kind == Traffic::Kind::tcp ? fmt::format("tcp, window {:.0f}\n", each.window)
                                            : fmt::format("{:.0f} packets/s of {} bytes\n", each.rate, each.size);
  }
  for (const Happening& each : scenario.happenings) {
    text += fmt::format("  {:8.3f} s: link {} {}", seconds_of(each.at), each.wan + 1,
                        happenings[std::to_underlying(each.kind)]);
    if (each.kind == Happening::Kind::rate || each.kind == Happening::Kind::loss)
      text += fmt::format(" {:.3f}", each.value);
    text += '\n';
  }
  return text;
}

}  // namespace mpquic::sim
