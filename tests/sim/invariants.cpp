#include "sim/invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/world.h"

namespace mpquic::sim {
namespace {

using std::chrono::seconds;

constexpr Duration look_interval = std::chrono::milliseconds(100);
// A deadline that stays in the past makes an event loop spin. A few turns may leave one: each does a bounded amount.
constexpr std::uint64_t most_late_timers = 100;
// So many timers a second nobody needs: pacing of a few hundred Mbit/s is below that.
constexpr std::uint64_t most_timers = 100'000;

// tunnel::QueueLimits, tunnel::ReceiverLimits.
constexpr std::size_t most_queued = 4 << 20;
constexpr std::size_t most_held = 4096;

// Small packets share one.
constexpr std::uint64_t most_in_a_parcel = 16;

// Idle paths are probed each second, metered ones each ten.
constexpr Duration longest_idle = seconds(15);
// What the longest probation, on the slowest link, takes.
constexpr Duration longest_return = seconds(20);

}  // namespace

void Invariants::after_turn(End& end, bool on_time) {
  std::uint64_t& late = late_timers_[&end];
  late = end.deadline() <= world_.now ? late + 1 : 0;
  const char* name = &end == &world_.box ? "box" : "server";
  if (late == most_late_timers) {
    world_.complain(fmt::format("{}: a timer stays in the past, its loop would spin:{}", name, end.due(world_.now)));
  }
  if (world_.now - timers_since_ >= seconds(1)) {
    timers_since_ = world_.now;
    timers_.clear();
  }
  if (on_time && ++timers_[&end] == most_timers) {
    world_.complain(fmt::format("{}: timers without end, now of{}", name, end.due(world_.now)));
  }
  look_at_memory(end);
}

void Invariants::look_at_memory(End& end) {
  if (end.queued() > most_queued) world_.complain(fmt::format("{} bytes wait in the queue", end.queued()));
  if (const auto held = end.receiver().statistics().held_packets; held > most_held) {
    world_.complain(fmt::format("{} packets are held by the receiver", held));
  }
}

void Invariants::look() {
  look_at_order();
  if (world_.now - looked_at_ < look_interval) return;
  looked_at_ = world_.now;
  for (End* end : world_.ends()) look_at_paths(*end);
}

/// What comes behind a later packet of its flow, the receiver knows of: it had been waited for long enough.
void Invariants::look_at_order() {
  const auto compare = [this](const Watch& watch, End& at, std::uint64_t& known, const char* where) {
    const std::uint64_t late = at.receiver().statistics().late;
    if (watch.overtaken() <= late + known || watch.expects_lies()) return;
    known = watch.overtaken() - late;
    world_.complain(fmt::format("a flow came out of order at the {}", where));
  };
  compare(world_.to_server, world_.server, disorder_at_server_, "server");
  compare(world_.to_box, world_.box, disorder_at_box_, "box");
}

void Invariants::look_at_paths(End& end) {
  const Instant now = world_.now;
  for (const auto& path : end.paths()) {
    if (!path->id || path.get() != end.path(path->wan)) continue;
    const auto counts = end.sender().statistics(*path->id);
    const std::uint64_t sent = counts.packets + counts.repairs + counts.duplicates + counts.probes;
    PathSeen& seen = paths_.try_emplace({&end, path->number}, PathSeen{sent, now, now, now}).first->second;
    if (!world_.passes(path->wan)) seen.passes_since = never;
    if (world_.passes(path->wan) && seen.passes_since == never) seen.passes_since = now;
    if (seen.passes_since == never) continue;
    if (sent != seen.sent) {
      seen.sent = sent;
      seen.sent_at = now;
    }
    if (counts.works) seen.worked_at = now;
    // QUIC backs its timers off (RFC 9002, 6.2.1): what was gone for so long may be gone as long again.
    const Duration gone = std::max<Duration>(seen.passes_since - seen.worked_at, {});
    const auto overdue = [&](Instant last, Duration longest) {
      return now - std::max(last, seen.passes_since) > longest + gone;
    };
    // Where a queue holds seconds of data, QUIC has the patience for it.
    if (overdue(seen.sent_at, longest_idle + 3 * counts.round_trip)) {
      seen.sent_at = now;
      world_.complain(fmt::format("the path over link {} is starved: nothing was sent for long", path->wan + 1));
    }
    if (overdue(seen.worked_at, longest_return)) {
      seen.worked_at = now;
      world_.complain(fmt::format("the path over link {} does not come back", path->wan + 1));
    }
  }
}

void Invariants::at_rest() {
  for (End* end : world_.ends()) {
    const char* name = end == &world_.box ? "box" : "server";
    if (end->queued() != 0) world_.complain(fmt::format("{}: {} bytes still wait", name, end->queued()));
    if (const auto held = end->receiver().statistics().held_packets; held != 0) {
      world_.complain(fmt::format("{}: {} packets are still held", name, held));
    }
    if (end->buffers_in_use() != 0) {
      world_.complain(fmt::format("{}: {} buffers are still in use", name, end->buffers_in_use()));
    }
  }
  account(world_.to_server, world_.box, world_.up);
  account(world_.to_box, world_.server, world_.down);
}

void Invariants::account(const Watch& watch, const End& from, const std::vector<std::unique_ptr<Link>>& links) {
  if (watch.arrived() != watch.left() && !watch.expects_lies()) {
    world_.complain(fmt::format("{} packets arrived, and {} of them were delivered", watch.arrived(), watch.left()));
  }
  std::uint64_t gone = 0;
  for (std::size_t i = 0; i < drop_count; ++i) {
    const auto reason = static_cast<Drop>(i);
    // What came twice is of the other direction.
    if (reason != Drop::duplicate) gone += from.drops()[reason];
  }
  for (const auto& link : links) gone += most_in_a_parcel * (link->counts().lost + link->counts().dropped);
  gone += most_in_a_parcel * world_.misdirected();
  const std::uint64_t missing = watch.entered() - watch.arrived();
  if (missing > gone) {
    world_.complain(fmt::format("{} packets did not arrive, and only {} were lost or dropped", missing, gone));
  }
}

}  // namespace mpquic::sim
