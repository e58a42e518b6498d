#include <fmt/format.h>

#include <algorithm>

#include "sim/lans.h"
#include "sim/scenario.h"

namespace mpquic::sim {
namespace {

using std::chrono::seconds;

// A connection with 64-fold backed off timers is at rest after that.
constexpr Duration longest_rest = seconds(120);
constexpr Duration rest_step = std::chrono::milliseconds(250);
// A TCP connection that does nothing for so long, while a link would carry its packets, has been forgotten.
constexpr Duration longest_standstill = seconds(70);

class Play {
 public:
  Play(const Scenario& scenario, bool trace) : scenario_(scenario), world_(scenario.world), lans_(world_) {
    world_.set_trace(trace);
    for (const Traffic& each : scenario.traffic) {
      if (each.kind == Traffic::Kind::tcp)
        flows_.push_back({.tcp = &lans_.add_tcp(each.up, each.window)});
      else
        flows_.push_back({.stream = &lans_.add_stream(each.up, each.rate, each.size)});
    }
  }

  Outcome run() {
    world_.connect();
    const Instant begin = world_.now;
    for (std::size_t i = 0; i < scenario_.traffic.size(); ++i) {
      world_.events.at(begin + scenario_.traffic[i].begins, [this, i] { start(i); });
    }
    for (const Happening& each : scenario_.happenings) {
      world_.events.at(begin + each.at, [this, &each] { happen(each); });
    }
    while (world_.now < begin + scenario_.length) {
      world_.run(std::min<Duration>(begin + scenario_.length - world_.now, seconds(1)));
      look_for_standstill();
    }
    come_to_rest();
    return {.complaints = world_.complaints(),
            .digest = world_.digest(),
            .time = world_.now - World::start,
            .packets = world_.to_server.left() + world_.to_box.left(),
            .events = world_.events.done()};
  }

 private:
  struct Flow {
    Tcp* tcp = nullptr;
    Stream* stream = nullptr;
    std::uint64_t delivered = 0;  ///< TCP: when last looked
    Instant moved = never;        ///< before it began
  };

  void start(std::size_t number) {
    Flow& flow = flows_[number];
    flow.moved = world_.now;
    if (flow.tcp != nullptr)
      flow.tcp->start(world_.now);
    else
      flow.stream->start(world_.now);
  }

  void happen(const Happening& what) {
    using Kind = Happening::Kind;
    const Wan& at_first = scenario_.world.wans[what.wan];
    switch (what.kind) {
      case Kind::black_hole: return world_.cut(what.wan, true, true);
      case Kind::black_hole_up: return world_.cut(what.wan, true, false);
      case Kind::black_hole_down: return world_.cut(what.wan, false, true);
      case Kind::pulled: return world_.pull(what.wan);
      case Kind::healed: return world_.cut(what.wan, false, false);
      case Kind::rate:
        world_.up[what.wan]->settings().rate = at_first.up.rate * what.value;
        world_.down[what.wan]->settings().rate = at_first.down.rate * what.value;
        return;
      case Kind::loss:
        world_.up[what.wan]->settings().loss = what.value;
        world_.down[what.wan]->settings().loss = what.value;
        return;
      case Kind::rebound: return world_.rebind(what.wan);
    }
  }

  void look_for_standstill() {
    bool passes = false;
    for (std::size_t i = 0; i < world_.wans(); ++i) passes |= world_.passes(i);
    for (Flow& flow : flows_) {
      if (flow.tcp == nullptr || flow.moved == never || world_.to_server.expects_lies()) continue;
      if (!passes || flow.tcp->delivered() != flow.delivered) flow.moved = world_.now;
      flow.delivered = flow.tcp->delivered();
      if (world_.now - flow.moved <= longest_standstill) continue;
      flow.moved = world_.now;
      world_.complain("a TCP connection stands still");
    }
  }

  bool at_rest() {
    return std::ranges::all_of(flows_, [](const Flow& flow) { return flow.tcp == nullptr || flow.tcp->at_rest(); }) &&
           std::ranges::all_of(world_.ends(), [](End* end) {
             return end->queued() == 0 && end->buffers_in_use() == 0 && end->receiver().statistics().held_packets == 0;
           });
  }

  void come_to_rest() {
    world_.trace("the traffic ends, all links are whole");
    for (std::size_t i = 0; i < world_.wans(); ++i) {
      world_.cut(i, false, false);
      happen({.kind = Happening::Kind::rate, .wan = i, .value = 1});
      happen({.kind = Happening::Kind::loss, .wan = i, .value = 0});
    }
    for (const Flow& flow : flows_) {
      if (flow.tcp != nullptr)
        flow.tcp->stop();
      else
        flow.stream->stop();
    }
    for (const Instant last = world_.now + longest_rest; !at_rest() && world_.now < last;) world_.run(rest_step);
    for (const Flow& flow : flows_) {
      if (world_.to_server.expects_lies()) break;
      if (flow.tcp != nullptr && !flow.tcp->at_rest()) world_.complain("a TCP connection does not come to its end");
    }
    // What was sent twice may still be on its way.
    world_.run(seconds(2));
    world_.check_at_rest();
  }

  const Scenario& scenario_;
  World world_;
  Lans lans_;
  std::vector<Flow> flows_;
};

}  // namespace

Outcome play(const Scenario& scenario, bool trace) { return Play(scenario, trace).run(); }

}  // namespace mpquic::sim
