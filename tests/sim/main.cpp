// The simulator as a program: `./dev sim`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>

#include "sim/named.h"
#include "sim/scenario.h"

namespace mpquic::sim {
namespace {

struct Wanted {
  std::uint64_t seed = 1;
  std::uint64_t count = 200;
  double hours = 0;
  std::string scenario;
  int trials = 5;
  bool trace = false;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// False: something was wrong.
bool play_one(std::uint64_t seed, bool trace, double& simulated) {
  const Scenario scenario = random_scenario(seed);
  if (trace) fmt::print("{}", describe(scenario));
  const Outcome outcome = play(scenario, trace);
  simulated += std::chrono::duration<double>(outcome.time).count();
  if (trace) fmt::print("digest {:016x}, {} packets\n", outcome.digest, outcome.packets);
  if (outcome.complaints.empty()) return true;
  fmt::print("{}", describe(scenario));
  for (const std::string& complaint : outcome.complaints) fmt::print("  {}\n", complaint);
  fmt::print("  again, with all that happens: ./dev sim --seed {} --count 1 --trace\n", seed);
  std::fflush(stdout);
  return false;
}

int play_many(const Wanted& wanted) {
  const auto begin = std::chrono::steady_clock::now();
  double simulated = 0;
  std::uint64_t played = 0, wrong = 0;
  const auto goes_on = [&] {
    return wanted.hours > 0 ? seconds_since(begin) < wanted.hours * 3600 : played < wanted.count;
  };
  for (; goes_on(); ++played) wrong += play_one(wanted.seed + played, wanted.trace, simulated) ? 0U : 1U;
  fmt::print("{} scenarios from seed {} on: {} with something wrong; {:.0f} s of simulated time in {:.1f} s\n", played,
             wanted.seed, wrong, simulated, seconds_since(begin));
  return wrong == 0 ? 0 : 1;
}

/// Prints what was measured. False: not all of it is as it is to be.
bool measure(const NamedScenario& scenario, const Wanted& wanted) {
  fmt::print("{}: {}\n", scenario.name, scenario.about);
  bool all_met = true;
  for (const Figure& figure : scenario.measure(wanted.seed, wanted.trials)) {
    std::string limit = "";
    if (figure.at_least) limit = fmt::format("at least {}, {}", *figure.at_least, figure.met() ? "met" : "NOT MET");
    if (figure.at_most) limit = fmt::format("at most {}, {}", *figure.at_most, figure.met() ? "met" : "NOT MET");
    fmt::print("  {:<90} {:8.3f}  {}\n", figure.name, figure.value, limit);
    all_met &= figure.met();
  }
  std::fflush(stdout);
  return all_met;
}

int play_named(const Wanted& wanted) {
  bool found = false, all_met = true;
  for (const NamedScenario& scenario : named_scenarios()) {
    if (wanted.scenario != "all" && wanted.scenario != scenario.name) continue;
    found = true;
    all_met &= measure(scenario, wanted);
  }
  if (found) return all_met ? 0 : 1;
  fmt::print(stderr, "there is no scenario '{}'; there are:\n", wanted.scenario);
  for (const NamedScenario& each : named_scenarios()) fmt::print(stderr, "  {:<12} {}\n", each.name, each.about);
  return 2;
}

int run(int count, char** words) {
  Wanted wanted;
  CLI::App app("Sessions over simulated links: random scenarios, or those with a name.");
  const auto* seed =
      app.add_option("--seed", wanted.seed, "of the first scenario; by default 1, or with --hours a new one");
  app.add_option("--count", wanted.count, "of scenarios, one seed after the other");
  app.add_option("--hours", wanted.hours, "go on for so long instead");
  app.add_option("--scenario", wanted.scenario,
                 "those with this name instead, or all; with another one, their names are printed")
      ->option_text("NAME");
  app.add_option("--trials", wanted.trials, "of each failure, in those with names");
  app.add_flag("--trace", wanted.trace, "print what happens");
  CLI11_PARSE(app, count, words);
  if (wanted.hours > 0 && seed->empty()) wanted.seed = static_cast<std::uint64_t>(std::time(nullptr)) * 1000;
  if (!wanted.scenario.empty()) return play_named(wanted);
  return play_many(wanted);
}

}  // namespace
}  // namespace mpquic::sim

int main(int count, char** words) { return mpquic::sim::run(count, words); }
