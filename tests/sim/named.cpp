#include "sim/named.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/lans.h"

namespace mpquic::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tunnel::Policy;

constexpr double mega = 1e6;

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }
double milliseconds_of(Duration duration) { return 1000 * seconds_of(duration); }

Wan with_loss(Wan wan, double loss, double burst) {
  for (LinkSettings* way : {&wan.up, &wan.down}) {
    way->loss = loss;
    way->burst = burst;
  }
  return wan;
}

Wan with_jitter(Wan wan, double jitter) {
  for (LinkSettings* way : {&wan.up, &wan.down}) {
    way->jitter = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(jitter));
  }
  return wan;
}

struct Bulk {
  std::uint64_t seed = 1;
  Policy policy = Policy::bonded;
  std::vector<Wan> wans;
  int flows = 1;
  Duration warm_up = seconds(4), measured = seconds(8);
};

/// Mbit/s of TCP flows from the box to the server, once they are at their best.
double goodput(const Bulk& bulk) {
  World world({.seed = bulk.seed, .box = {bulk.policy}, .server = {bulk.policy}, .wans = bulk.wans});
  Lans lans(world);
  world.connect();
  std::vector<Tcp*> flows;
  for (int i = 0; i < bulk.flows; ++i) flows.push_back(&lans.add_tcp(true));
  for (Tcp* flow : flows) flow->start(world.now);
  const auto delivered = [&] {
    std::uint64_t sum = 0;
    for (const Tcp* flow : flows) sum += flow->delivered();
    return sum;
  };
  world.run(bulk.warm_up);
  const std::uint64_t before = delivered();
  world.run(bulk.measured);
  return static_cast<double>(delivered() - before) * 8 / seconds_of(bulk.measured) / mega;
}

/// Long enough for what comes by seldom: BBR looks for the least round trip every five seconds.
std::vector<Figure> alone_for_long(std::uint64_t seed, int) {
  constexpr double rate = 100;
  const double got = goodput({.seed = seed, .wans = {Wan::of(rate, 60)}, .measured = seconds(20)});
  return {{fmt::format("{:.0f} Mbit/s, 60 ms: {:.1f} Mbit/s", rate, got), got / rate, 0.8}};
}

/// As it is on each link alone.
std::vector<double> alone(Bulk bulk) {
  std::vector<double> rates;
  const std::vector<Wan> wans = bulk.wans;
  for (const Wan& wan : wans) {
    bulk.wans = {wan};
    rates.push_back(goodput(bulk));
  }
  return rates;
}

Figure share_of_sum(const std::string& name, const Bulk& bulk, double at_least) {
  double sum = 0;
  for (const double rate : alone(bulk)) sum += rate;
  const double together = goodput(bulk);
  return {fmt::format("{}: {:.1f} of {:.1f} Mbit/s", name, together, sum), together / sum, at_least};
}

std::vector<Figure> aggregate(std::uint64_t seed, int) {
  const Wan near = Wan::of(100, 20), far = Wan::of(100, 60);
  return {
      share_of_sum("2 x 100 Mbit/s, 20 and 60 ms, one flow", {seed, Policy::bonded, {near, far}}, 0.85),
      share_of_sum("100 + 60 + 40 Mbit/s, 13, 34 and 108 ms, one flow",
                   {seed, Policy::bonded, {Wan::of(100, 13), Wan::of(60, 34), Wan::of(40, 108)}}, 0.80),
      share_of_sum("2 x 100 Mbit/s, 1 % loss on the second, one flow",
                   {seed, Policy::bonded, {near, with_loss(far, 0.01, 1)}}, 0.75),
      share_of_sum("300 + 80 Mbit/s, 20 and 60 ms, eight flows",
                   {seed, Policy::bonded, {Wan::of(300, 20), Wan::of(80, 60)}, 8, seconds(3), seconds(4)}, 0.95),
  };
}

/// A tenth of the rates: few enough packets for a test.
std::vector<Figure> aggregate_slowly(std::uint64_t seed, int) {
  const Wan near = Wan::of(10, 20), far = Wan::of(10, 60);
  return {
      share_of_sum("2 x 10 Mbit/s, 20 and 60 ms, one flow", {seed, Policy::bonded, {near, far}}, 0.85),
      share_of_sum("10 + 6 + 4 Mbit/s, 13, 34 and 108 ms, one flow",
                   {seed, Policy::bonded, {Wan::of(10, 13), Wan::of(6, 34), Wan::of(4, 108)}}, 0.80),
      share_of_sum("2 x 10 Mbit/s, 1 % loss on the second, one flow",
                   {seed, Policy::bonded, {near, with_loss(far, 0.01, 1)}}, 0.75),
      share_of_sum("30 + 8 Mbit/s, 20 and 60 ms, eight flows",
                   {seed, Policy::bonded, {Wan::of(30, 20), Wan::of(8, 60)}, 8}, 0.95),
  };
}

std::vector<Figure> repair(std::uint64_t seed, int) {
  std::vector<Figure> figures;
  for (const int flows : {1, 4}) {
    const Wan whole = Wan::of(200, 20);
    const double without = goodput({seed, Policy::bonded, {whole}, flows});
    struct Loss {
      double share, burst;
      std::optional<double> wanted;
    };
    for (const Loss& loss :
         {Loss{0.01, 1, 0.85}, Loss{0.01, 4, 0.85}, Loss{0.03, 1, {}}, Loss{0.05, 1, {}}, Loss{0.1, 1, {}}}) {
      const double rate = goodput({seed, Policy::bonded, {with_loss(whole, loss.share, loss.burst)}, flows});
      figures.push_back(
          {fmt::format("200 Mbit/s, 20 ms, {:.0f} % loss in bursts of {:.0f}, {} flow(s): {:.1f} of {:.1f} Mbit/s",
                       loss.share * 100, loss.burst, flows, rate, without),
           rate / without, loss.wanted});
    }
  }
  return figures;
}

std::vector<Figure> never_worse(std::uint64_t seed, int) {
  struct Pair {
    Wan one, other;
    const char* name;
  };
  const auto wan = [](double rate, double round_trip, double loss = 0, double jitter = 0) {
    return with_jitter(Wan::of(rate, round_trip, loss), jitter);
  };
  const std::array pairs = {
      Pair{wan(10, 10), wan(10, 120), "10/10 + 10/120"},
      Pair{wan(20, 20), wan(10, 40), "20/20 + 10/40"},
      Pair{wan(50, 10), wan(10, 120), "50/10 + 10/120"},
      Pair{wan(100, 20), wan(20, 60), "100/20 + 20/60"},
      Pair{wan(100, 120), wan(100, 10), "100/120 + 100/10"},
      Pair{wan(300, 10), wan(10, 120), "300/10 + 10/120"},
      Pair{wan(300, 40), wan(300, 60), "300/40 + 300/60"},
      Pair{wan(100, 20, 0.001), wan(100, 60), "100/20/0.1% + 100/60"},
      Pair{wan(100, 20), wan(100, 60, 0.01), "100/20 + 100/60/1%"},
      Pair{wan(100, 20), wan(50, 60, 0.02), "100/20 + 50/60/2%"},
      Pair{wan(50, 20, 0.02), wan(50, 20, 0.02), "50/20/2% + 50/20/2%"},
      Pair{wan(30, 30, 0, 5), wan(30, 60, 0, 5), "30/30 + 30/60, 5 ms jitter"},
      Pair{wan(100, 20, 0, 10), wan(100, 40), "100/20, 10 ms jitter + 100/40"},
      Pair{wan(100, 20), wan(20, 100, 0, 20), "100/20 + 20/100, 20 ms jitter"},
      Pair{wan(60, 30, 0.005, 5), wan(20, 80, 0.01, 10), "60/30/0.5% + 20/80/1%, jitter"},
      Pair{wan(10, 120, 0.02, 10), wan(300, 10), "10/120/2% + 300/10"},
  };
  std::vector<Figure> figures;
  for (const Pair& pair : pairs) {
    const Bulk both{seed, Policy::bonded, {pair.one, pair.other}};
    const double best = std::ranges::max(alone(both));
    const double rate = goodput(both);
    figures.push_back(
        {fmt::format("{} (Mbit/s / ms): {:.1f}, best alone {:.1f} Mbit/s", pair.name, rate, best), rate / best, 0.98});
  }
  return figures;
}

enum class Failure : std::uint8_t { link_down, black_hole, one_way, other_way, flapping };

struct Survival {
  double missing = 0;      ///< packets of the stream, the worst of all trials
  double longest_gap = 0;  ///< ms
  double rate = 1;         ///< share of what the survivor carries that TCP has, a second later; the least
};

constexpr Duration recovery = seconds(1);

Wan survivor() { return Wan::of(30, 40); }

void fail(World& world, std::size_t wan, Failure failure) {
  switch (failure) {
    case Failure::link_down: return world.pull(wan);
    case Failure::black_hole: return world.cut(wan, true, true);
    case Failure::one_way: return world.cut(wan, true, false);
    case Failure::other_way: return world.cut(wan, false, true);
    case Failure::flapping:
      for (int i = 0; i < 10; ++i) {
        world.events.at(world.now + milliseconds(300 * i), [&world, wan] { world.cut(wan, true, true); });
        world.events.at(world.now + milliseconds(300 * i + 150), [&world, wan] { world.cut(wan, false, false); });
      }
      return;
  }
}

/// `alone`: Mbit/s that TCP has over the survivor.
Survival survive(std::uint64_t seed, Failure failure, int trials, double alone) {
  Survival worst;
  for (int trial = 0; trial < trials; ++trial) {
    const std::uint64_t own_seed = seed * 1000 + static_cast<std::uint64_t>(trial);
    World world({.seed = own_seed, .wans = {Wan::of(50, 20), survivor()}});
    Lans lans(world);
    world.connect();
    Stream& stream = lans.add_stream(true, 200, 200);
    Tcp& tcp = lans.add_tcp(true);
    stream.start(world.now);
    tcp.start(world.now);
    // Not always at the same moment of what goes on.
    world.run(seconds(4) + milliseconds(17) * trial);
    stream.begin_measuring(world.now);
    fail(world, 0, failure);
    world.run(recovery);
    const std::uint64_t before = tcp.delivered();
    world.run(seconds(2));
    const double rate = static_cast<double>(tcp.delivered() - before) * 8 / 2 / mega;
    stream.stop();
    world.run(seconds(1));
    worst.missing = std::max(worst.missing, static_cast<double>(stream.missing()));
    worst.longest_gap = std::max(worst.longest_gap, milliseconds_of(stream.longest_gap(world.now)));
    worst.rate = std::min(worst.rate, rate / alone);
  }
  return worst;
}

std::vector<Figure> fail_over(std::uint64_t seed, int trials) {
  std::vector<Figure> figures;
  const double alone = goodput({.seed = seed, .wans = {survivor()}});
  struct Kind {
    Failure failure;
    const char* name;
    double most_gap;
  };
  for (const Kind& kind :
       {Kind{Failure::link_down, "link down", 50}, Kind{Failure::black_hole, "black hole", 150},
        Kind{Failure::one_way, "black hole upwards", 150}, Kind{Failure::other_way, "black hole downwards", 150},
        Kind{Failure::flapping, "flapping", 150}}) {
    const Survival worst = survive(seed, kind.failure, trials, alone);
    figures.push_back({fmt::format("{}: packets of a stream that were lost", kind.name), worst.missing, {}, 0.0});
    figures.push_back({fmt::format("{}: its longest gap, ms", kind.name), worst.longest_gap, {}, kind.most_gap});
    figures.push_back({fmt::format("{}: TCP's share of the survivor, a second later", kind.name), worst.rate, 0.9});
  }
  return figures;
}

/// Seconds after the link is whole again until both carry what they carried before: of one flow that does not wait to
/// be told that it may.
double time_to_return(std::uint64_t seed, Duration outage) {
  constexpr double rate = 48 * mega;
  constexpr std::size_t size = 1300;
  World world({.seed = seed, .wans = {Wan::of(30, 20), Wan::of(30, 40)}});
  Lans lans(world);
  world.connect();
  Stream& stream = lans.add_stream(true, rate / 8 / size, size);
  stream.start(world.now);
  world.run(seconds(4));
  world.cut(0, true, true);
  world.run(outage);
  world.cut(0, false, false);
  const Instant healed = world.now;
  while (world.now < healed + seconds(60)) {
    constexpr Duration step = milliseconds(250);
    const std::uint64_t before = stream.received();
    world.run(step);
    if (static_cast<double>((stream.received() - before) * size * 8) >= 0.9 * rate * seconds_of(step)) break;
  }
  return seconds_of(world.now - healed);
}

std::vector<Figure> come_back(std::uint64_t seed, int) {
  std::vector<Figure> figures;
  for (const int outage : {1, 5, 12, 40}) {
    figures.push_back({fmt::format("2 x 30 Mbit/s, one gone for {} s: seconds until both are used in full", outage),
                       time_to_return(seed, seconds(outage)),
                       {},
                       2.25});
  }
  return figures;
}

std::vector<Figure> redundancy(std::uint64_t seed, int) {
  World world({.seed = seed,
               .box = {Policy::redundant},
               .server = {Policy::redundant},
               .wans = {Wan::of(50, 20, 0.05), Wan::of(50, 40, 0.05)}});
  Lans lans(world);
  world.connect();
  Stream& up = lans.add_stream(true, 200, 200);
  Stream& down = lans.add_stream(false, 200, 200);
  for (Stream* stream : {&up, &down}) stream->start(world.now);
  world.run(seconds(60));
  for (Stream* stream : {&up, &down}) stream->stop();
  world.run(seconds(1));
  std::vector<Figure> figures;
  for (Stream* stream : {&up, &down}) {
    figures.push_back({fmt::format("5 % loss on both links, {}: lost, %", stream == &up ? "up" : "down"),
                       100 * static_cast<double>(stream->missing()) / static_cast<double>(stream->sent()),
                       {},
                       0.3});
  }
  return figures;
}

constexpr std::array scenarios = {
    NamedScenario{"alone", "one TCP flow over one link that loses nothing, against its rate", alone_for_long},
    NamedScenario{"aggregate", "TCP over links that are not alike, against their sum", aggregate},
    NamedScenario{"aggregate-slowly", "the same at a tenth of the rates", aggregate_slowly},
    NamedScenario{"repair", "TCP over one link that loses packets, against the same one without loss", repair},
    NamedScenario{"never-worse", "one TCP flow over sixteen pairs of links, against the better one alone", never_worse},
    NamedScenario{"failover", "a stream and a TCP flow, while the link in use goes away", fail_over},
    NamedScenario{"return", "one flow of UDP that needs both links, when one comes back", come_back},
    NamedScenario{"redundant", "streams over two links that lose packets", redundancy},
};

}  // namespace

std::span<const NamedScenario> named_scenarios() { return scenarios; }

}  // namespace mpquic::sim
