#include <algorithm>
#include <cmath>
#include <random>

#include "sim/scenario.h"

namespace mpquic::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Duration in_seconds(double value) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value)); }
double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) { scenario_.world.seed = seed; }

  Scenario make() {
    // Few bits a second for long enough that connections time out, or more of them for less.
    patient_ = chance(0.12);
    const std::size_t links = among({0.15, 0.45, 0.25, 0.15}) + 1;
    for (std::size_t i = 0; i < links; ++i) scenario_.world.wans.push_back(wan());
    ends();
    length();
    const std::size_t flows = 1 + among({0.3, 0.3, 0.2, 0.1, 0.1});
    for (std::size_t i = 0; i < flows; ++i) scenario_.traffic.push_back(traffic(flows));
    const std::size_t events = among({0.2, 0.2, 0.2, 0.2, 0.1, 0.1});
    for (std::size_t i = 0; i < events; ++i) happen();
    if (chance(0.06)) scenario_.world.server.lies = logarithmic(0.001, 1);
    std::ranges::stable_sort(scenario_.happenings, {}, &Happening::at);
    return scenario_;
  }

 private:
  bool chance(double share) { return std::uniform_real_distribution<double>(0, 1)(random_) < share; }
  double uniform(double least, double most) { return std::uniform_real_distribution<double>(least, most)(random_); }
  /// Every order of magnitude is as likely as any other.
  double logarithmic(double least, double most) { return std::exp(uniform(std::log(least), std::log(most))); }
  std::size_t among(std::initializer_list<double> weights) {
    return std::discrete_distribution<std::size_t>(weights)(random_);
  }

  Wan wan() {
    const double rate = patient_ ? logarithmic(0.2, 2) : logarithmic(0.5, 300);
    Wan result = Wan::of(rate, logarithmic(1, 600));
    const double back = chance(0.7) ? 1 : logarithmic(0.1, 10);
    result.down.rate = std::clamp(result.up.rate * back, 0.2e6, 300e6);
    const double share = chance(0.6) ? 1 : uniform(0.4, 1.6);
    result.up.delay = in_seconds(seconds_of(result.up.delay) * share);
    result.down.delay = in_seconds(seconds_of(result.down.delay) * (2 - share));
    for (LinkSettings* way : {&result.up, &result.down}) spoil(*way);
    if (chance(0.3)) result.traits.priority = 1 + static_cast<std::uint32_t>(among({1, 1}));
    if (chance(0.3)) result.traits.weight = 1 + static_cast<std::uint32_t>(among({1, 1, 1}));
    result.traits.metered = chance(0.12);
    return result;
  }

  void spoil(LinkSettings& way) {
    if (chance(0.5)) {
      way.queue = static_cast<std::size_t>(std::max(6000.0, way.rate / 8 * logarithmic(0.01, 1)));
    }
    if (chance(0.4)) way.jitter = in_seconds(std::max(seconds_of(way.delay) * uniform(0, 0.5), 0.001));
    switch (among({0.55, 0.3, 0.12, 0.03})) {
      case 1: way.loss = logarithmic(0.0005, 0.02); break;
      case 2: way.loss = uniform(0.02, 0.1); break;
      case 3: way.loss = uniform(0.1, 0.3); break;
      default: break;
    }
    if (chance(0.3)) way.burst = uniform(1, 8);
    if (chance(0.12)) {
      way.reordering = logarithmic(0.001, 0.1);
      way.overtaken = in_seconds(seconds_of(way.delay) * uniform(0, 1));
    }
    if (chance(0.1)) way.duplication = logarithmic(0.001, 0.05);
    if (chance(0.1)) way.largest = static_cast<std::size_t>(uniform(1420, 1473));
  }

  void ends() {
    constexpr std::array policies = {tunnel::Policy::bonded, tunnel::Policy::redundant, tunnel::Policy::balanced,
                                     tunnel::Policy::failover};
    const auto policy = [&] { return policies[among({0.5, 0.2, 0.15, 0.15})]; };
    scenario_.world.box.policy = policy();
    scenario_.world.server.policy = chance(0.8) ? scenario_.world.box.policy : policy();
    for (EndSettings* end : {&scenario_.world.box, &scenario_.world.server}) {
      if (chance(0.15)) end->buffers = static_cast<std::size_t>(logarithmic(128, 4096));
    }
    if (chance(0.1)) scenario_.world.congestion = quic::CongestionControl::cubic;
  }

  /// So long that about as many packets fit as can be afforded.
  void length() {
    double rate = 0;
    for (const Wan& wan : scenario_.world.wans) rate += std::max(wan.up.rate, wan.down.rate);
    bits_ = patient_ ? 60e6 : logarithmic(20e6, 150e6);
    scenario_.length = patient_ ? in_seconds(uniform(90, 180)) : in_seconds(std::clamp(bits_ / rate, 2.0, 40.0));
  }

  Traffic traffic(std::size_t flows) {
    Traffic result;
    result.up = chance(0.5);
    result.begins = chance(0.5) ? Duration{} : in_seconds(seconds_of(scenario_.length) * uniform(0, 0.5));
    // Its share of the bits in the time, and no more, however fast the links are.
    const double rate = bits_ / seconds_of(scenario_.length) / static_cast<double>(flows);
    if (chance(0.6)) {
      double longest = 0;
      for (const Wan& wan : scenario_.world.wans)
        longest = std::max(longest, seconds_of(wan.up.delay + wan.down.delay));
      result.window = std::clamp(2 * rate * longest / 8 / 1300, 20.0, 6000.0);
      return result;
    }
    result.kind = Traffic::Kind::stream;
    result.size = static_cast<std::size_t>(logarithmic(60, 1300));
    const double most = std::max(2 * rate / 8 / static_cast<double>(result.size), 5.0);
    result.rate = std::min(chance(0.2) ? logarithmic(20, 5000) : (chance(0.5) ? 50 : 200), most);
    return result;
  }

  void happen() {
    using Kind = Happening::Kind;
    const std::size_t wan = std::uniform_int_distribution<std::size_t>(0, scenario_.world.wans.size() - 1)(random_);
    double at = seconds_of(scenario_.length) * uniform(0, 0.9);
    const auto add = [&](Kind kind, std::size_t where, double value = 0) {
      scenario_.happenings.push_back({kind, in_seconds(at), where, value});
    };
    constexpr std::array outages = {Kind::black_hole, Kind::black_hole_up, Kind::black_hole_down, Kind::pulled};
    const Kind outage = outages[among({1, 1, 1, 1})];
    switch (among({0.4, 0.15, 0.15, 0.1, 0.1, 0.1})) {
      case 0:
        add(outage, wan);
        at += patient_ && chance(0.5) ? uniform(60, 80) : logarithmic(0.02, 5);
        add(Kind::healed, wan);
        break;
      case 1:
        for (std::size_t i = 2 + among({1, 1, 1, 1, 1}); i-- > 0;) {
          add(outage, wan);
          at += logarithmic(0.02, 0.5);
          add(Kind::healed, wan);
          at += logarithmic(0.02, 0.5);
        }
        break;
      case 2: add(Kind::rate, wan, logarithmic(0.1, 2)); break;
      case 3: add(Kind::loss, wan, uniform(0, 0.2)); break;
      case 4: add(Kind::rebound, wan); break;
      default:
        for (std::size_t i = 0; i < scenario_.world.wans.size(); ++i) add(outage, i);
        at += logarithmic(0.02, 3);
        for (std::size_t i = 0; i < scenario_.world.wans.size(); ++i) add(Kind::healed, i);
        break;
    }
  }

  std::mt19937_64 random_;
  Scenario scenario_;
  bool patient_ = false;
  double bits_ = 0;  ///< that may be sent altogether
};

}  // namespace

Scenario random_scenario(std::uint64_t seed) { return Generator(seed).make(); }

}  // namespace mpquic::sim
