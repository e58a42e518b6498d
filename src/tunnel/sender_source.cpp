// What a Sender gives to the connections of its paths, from the journey's side:
//   front(): a probe that is due -> what is to be sent again -> a new packet of a flow that may use this path
//   pop(): it has gone: numbered, remembered, counted
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "tunnel/path_delay.h"
#include "tunnel/sender.h"
#include "tunnel/sender_path.h"

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A flow whose packets have been waiting for so long without a break wants more than its path has.
constexpr Duration hungry_after = milliseconds(20);
constexpr std::size_t hungry_from = 3'000;  // bytes: a voice flow has less, even if its path has just died
// A flow that sends little, and never pauses, is looked at again: perhaps a better path has come.
constexpr Duration place_again_after = seconds(2);
constexpr Duration number_ends_after = seconds(5);  // of silence: no packet with it is on the way any more
constexpr Duration spread_ends_after = seconds(1);  // of silence
// Who has less than this waiting, waits for the fastest path.
constexpr std::size_t least_backlog = 6'000;

constexpr Duration first_verdict = seconds(3);
constexpr Duration verdict_interval = seconds(2);
constexpr Duration least_penalty = seconds(5);
constexpr unsigned most_penalties = 6;

constexpr Duration duplicate_worthwhile = milliseconds(100);
constexpr Duration repair_worthwhile = milliseconds(500);

// What is lost together, was sent together.
constexpr Duration least_apart = milliseconds(2);

constexpr Duration idle_probe_interval = seconds(1);
constexpr Duration metered_probe_interval = seconds(10);

}  // namespace

Instant Sender::Path::probe_due() const {
  if (sender.wire_ == Wire::bare && probe.size == 0) return never;
  if (probe_next) return Instant::min();
  const Duration round_trip = meter.round_trip();
  const int thrift = traits.metered ? 5 : 1;
  switch (health) {
    case Health::silent:
      return last_sent + thrift * std::clamp<Duration>(round_trip, milliseconds(20), milliseconds(200));
    case Health::probation:
      return last_sent + thrift * std::clamp<Duration>(round_trip / 4, milliseconds(10), milliseconds(50));
    case Health::works: break;
  }
  return last_sent + (traits.metered ? metered_probe_interval : idle_probe_interval);
}

void Sender::Path::show(Shown what, Bytes prefix, const SequenceHeader* sequence) {
  shown = what;
  std::ranges::copy(prefix, header.begin());
  header_size = prefix.size();
  if (sequence == nullptr) return;
  write(*sequence, std::span(header).subspan(header_size).first<sequence_header_size>());
  header_size += sequence_header_size;
}

const packet::Pieces* Sender::front(Path& path, std::size_t max_size, Instant now) {
  path.shown_at = now;
  path.shown = Path::Shown::nothing;
  if (now - refreshed_at_ >= milliseconds(5)) refresh(now);
  const std::size_t before = wire_ == Wire::bare ? 0 : path.sequenced.size + sequence_header_size;
  if (max_size <= before) return nullptr;
  if (now >= path.probe_due()) return front_probe(path, now);
  const std::size_t room = max_size - before;
  if (room != std::exchange(path.room, room)) refresh(now);
  // Who sends little does not wait for all that a large flow lost.
  const packet::Pieces* next = nullptr;
  if (!path.repairs.empty() && copies_[path.repairs.front().copy].ordered)
    next = front_new(path, room, Flows::small, now);
  if (next == nullptr) next = front_repair(path, room, now);
  if (next == nullptr) next = front_new(path, room, Flows::all, now);
  if (next == nullptr && path.probe_next) return front_probe(path, now);
  if (next == nullptr) path.meter.starved();
  return next;
}

const packet::Pieces* Sender::front_probe(Path& path, Instant now) {
  path.meter.starved();
  if (wire_ == Wire::bare) {
    path.own_packet = {path.probe, {}};
    path.show(Path::Shown::probe, {});
    return &path.own_packet;
  }
  store_be32(path.probe_bytes.data(), path.path_sequence);
  store_be32(path.probe_bytes.data() + 4, microseconds(now));
  path.own_packet = {path.probe_bytes, {}};
  path.show(Path::Shown::probe, path.probe);
  return &path.own_packet;
}

const packet::Pieces* Sender::front_repair(Path& path, std::size_t room, Instant now) {
  while (!path.repairs.empty()) {
    const Repair& first = path.repairs.front();
    const Copy& copy = copies_[first.copy];
    const bool on_purpose = first.reason == Repair::Reason::on_purpose;
    const bool late = now - first.since > (on_purpose ? duplicate_worthwhile : repair_worthwhile);
    if (!copy.delivered && !late && copy.size <= room) {
      const SequenceHeader header{.ordered = copy.ordered,
                                  .copy = true,
                                  .flow = copy.flow,
                                  .sequence = copy.sequence,
                                  .path_sequence = path.path_sequence,
                                  .sent_at = microseconds(now)};
      path.own_packet = {copy.bytes(), {}};
      path.show(Path::Shown::repair, path.sequenced, &header);
      return &path.own_packet;
    }
    // There was room for it where it came from.
    if (!late && !on_purpose && copy.size > room) owe(first.copy, path.id, now);
    copies_.release(first.copy);
    path.repairs.pop_front();
  }
  return nullptr;
}

const packet::Pieces* Sender::front_new(Path& path, std::size_t room, Flows flows, Instant now) {
  // A better one that has just come is not trusted with everything yet; and with what others have no room for, those
  // come into play that would not.
  if (!choice_.eligible[path.id] && choice_.failover != path.id && path.room <= least_room_) return nullptr;
  struct Filter final : FlowFilter {
    Filter(Sender& of, const Path& over, Flows which, Instant at) : sender(of), path(over), flows(which), now(at) {}
    bool passes(FlowId flow) const override {
      if (flows == Flows::small && !sender.is_small(flow)) return false;
      return sender.may_send(path, flow, now);
    }
    Sender& sender;
    const Path& path;
    Flows flows;
    Instant now;
  };
  const Filter filter(*this, path, flows, now);
  std::size_t elsewhere = 0;
  for (const PathView& view : choice_.views) {
    if (view.works) elsewhere = std::max(elsewhere, view.room);
  }
  for (;;) {
    path.shown_packet = session_.front(room, now, &filter, elsewhere);
    if (path.shown_packet == nullptr) return nullptr;
    const std::size_t size = path.shown_packet->size();
    if (size <= room) break;
    if (size > elsewhere) {
      if (path.overflow == nullptr || !path.overflow->take(*path.shown_packet)) return nullptr;
      ++path.counts.packets;
      path.counts.bytes += size;
      session_.pop();
      path.probe_next = path.meter.in_flight() == 0;  // who answers nothing is to be found out
      continue;
    }
    // From now on the flow takes the others. It may have needed more, once, than any has room for now.
    flows_[session_.front_flow()].needs = size;
  }
  SentFlow& flow = flows_[session_.front_flow()];
  if (!remembers(path)) {
    SentFlows::unorder(flow);
    path.show(Path::Shown::plain, path.plain);
    return path.shown_packet;
  }
  order(flow, now);
  const SequenceHeader header{.ordered = flow.number != 0,
                              .copy = false,
                              .flow = flow.number,
                              .sequence = flow.number != 0 ? flow.sequence : flows_.unordered_sequence(),
                              .path_sequence = path.path_sequence,
                              .sent_at = microseconds(now)};
  path.show(Path::Shown::sequenced, path.sequenced, &header);
  return path.shown_packet;
}

/// Where nothing will have to be sent again, nothing has to be recognised: one path that loses nothing costs nothing.
bool Sender::remembers(const Path& path) const {
  return wire_ == Wire::sequenced && (path_count_ > 1 || !path.meter.clean(path.shown_at));
}

/// What may be sent again may come late: whoever suffers from that gets a number, by which it is put in order.
void Sender::order(SentFlow& flow, Instant now) {
  // The other end forgets a flow that is silent, and takes what comes then for its beginning.
  if (flow.number != 0 && flow.sequence != 0 && now - flow.last_sent > number_ends_after) SentFlows::unorder(flow);
  if (flow.number == 0 && (flow.spread || flow.in_order)) flows_.order(flow);
}

bool Sender::is_small(FlowId id) {
  const SentFlow& flow = flows_[id];
  return !flow.spread && !flow.hungry && session_.queued_bytes_of(id) <= least_backlog;
}

bool Sender::may_send(const Path& path, FlowId id, Instant now) {
  SentFlow& flow = flows_[id];
  const bool rested = now - flow.last_sent > pause_between_bursts;
  const Choice& choice = choice_for(flow.needs);
  const Policy policy = policy_of(flow);
  if (policy == Policy::failover) {
    flow.path = choice.failover;
    return flow.path == path.id;
  }
  if (flow.spread && now - flow.last_sent > spread_ends_after) {
    flow.spread = false;
    flow.path.reset();
  }
  if (policy == Policy::bonded) look_whether_hungry(choice, id, now);
  if (flow.spread) return choice.spread[path.id] && may_spread(choice, path, id, now);
  if (!flow.path || !choice.eligible[*flow.path] || rested) {
    flow.path = policy == Policy::balanced ? choose_balanced(choice.views) : choose_earliest(choice.views);
    flow.placed_at = now;
  }
  if (policy != Policy::balanced && !flow.hungry && now - flow.placed_at >= place_again_after) {
    flow.path = choose_earlier(choice.views, *flow.path);
    flow.placed_at = now;
  }
  return flow.path == path.id;
}

void Sender::look_whether_hungry(const Choice& choice, FlowId id, Instant now) {
  SentFlow& flow = flows_[id];
  if (flow.spread && crowded(choice)) {
    flow.spread = false;
    return share_paths(choice, flow, now);
  }
  if (flow.spread) return judge(choice, flow, now);
  if (!flow.path || flow.standing_since == never || now < flow.alone_until) return;
  const Path& alone = *paths_[*flow.path];
  if (now - flow.standing_since < hungry_after + alone.meter.round_trip() / 4) return;
  if (session_.queued_bytes_of(id) <= hungry_from) return;  // it has waited for something else
  flow.hungry = true;
  if (choice.spread.count() == 1) {
    for (const PathView& view : choice.views) {
      if (choice.spread[view.id]) flow.path = view.id;
    }
    return;
  }
  if (crowded(choice)) return share_paths(choice, flow, now);
  flow.spread = true;
  flow.alone = alone.meter.capacity();
  flow.sent_bytes = 0;
  flow.judged_at = now + (first_verdict - verdict_interval);
}

/// Whether the flow gets more than it had on one path. If it does not, it goes back, and tries again later: each time
/// later.
void Sender::judge(const Choice& choice, SentFlow& flow, Instant now) {
  const Duration since = now - flow.judged_at;
  if (since < verdict_interval) return;
  const double rate =
      static_cast<double>(std::exchange(flow.sent_bytes, 0)) / std::chrono::duration<double>(since).count();
  flow.judged_at = now;
  if (rate >= flow.alone) {
    flow.worse = 0;
    return;
  }
  flow.spread = false;
  flow.alone_until = now + least_penalty * (1 << flow.worse);
  flow.worse = std::min(flow.worse + 1, most_penalties);
  double most = -1;
  for (const PathView& view : choice.views) {
    if (!choice.eligible[view.id] || view.capacity <= most) continue;
    most = view.capacity;
    flow.path = view.id;
  }
}

/// Enough flows that want more than they get to keep all paths busy without spreading any.
bool Sender::crowded(const Choice& choice) const { return hungry_flows_ > choice.spread.count(); }

/// A spread flow needs a queue as long as the difference in delay, always; several flows keep all paths busy with less,
/// and none of them waits for the slowest path.
void Sender::share_paths(const Choice& choice, SentFlow& flow, Instant now) {
  // What the last one has brought about is to be seen first.
  if (flow.path && now - shared_at_ < paths_[*flow.path]->meter.round_trip()) return;
  const auto better = choose_least_crowded(choice.views, choice.spread, flow.path);
  if (!better || better == flow.path) return;
  shared_at_ = now;
  flow.path = better;
}

/// A packet goes over a slower path when it would not arrive sooner by more than the fastest one's round trip if it
/// waited for the faster ones. A sender that fills its window (CUBIC) has that much waiting here, so that nothing is
/// held up at the other end that would not have been held up here. One that paces itself (BBR) never has, and allows
/// for twice its least round trip: what it finds so doubles at the most.
bool Sender::may_spread(const Choice& choice, const Path& path, FlowId id, Instant now) const {
  const auto own = std::ranges::find(choice.views, path.id, &PathView::id);
  double faster = 0;
  Duration fastest = own->one_way, allowed{};
  for (const PathView& other : choice.views) {
    if (!choice.spread[other.id] || other.one_way >= own->one_way) continue;
    if (other.capacity == 0) return false;  // it was never full
    faster += other.capacity;
    if (other.one_way >= fastest) continue;
    fastest = other.one_way;
    allowed = std::min(paths_[other.id]->meter.least_round_trip(), 2 * fastest);
  }
  if (faster == 0) return true;  // this is the fastest
  const double wait = static_cast<double>(session_.queued_bytes()) / faster;
  const Duration least = std::min(path.meter.least_round_trip(), path.meter.round_trip());
  // What was measured a while ago has gone on meanwhile.
  const Duration measured = path.meter.round_trip() - least - (now - path.meter.heard());
  const Duration one_way = least / 2 + std::max(measured, path.meter.backlog(now));
  return session_.queued_bytes_of(id) > least_backlog &&
         wait >= std::chrono::duration<double>(one_way - fastest - allowed).count();
}

void Sender::pop(Path& path) {
  path.last_sent = path.shown_at;
  switch (path.shown) {
    case Path::Shown::nothing: break;
    case Path::Shown::probe:
      ++path.path_sequence;
      ++path.counts.probes;
      path.probe_next = false;
      path.meter.sent(path.own_packet.size(), no_copy, path.shown_at);
      break;
    case Path::Shown::repair: {
      const Repair repair = path.repairs.front();
      path.repairs.pop_front();
      ++path.path_sequence;
      ++(repair.reason == Repair::Reason::on_purpose ? path.counts.duplicates : path.counts.repairs);
      path.load_bytes += path.own_packet.size();
      path.meter.sent(path.own_packet.size(), repair.copy, path.shown_at);
      if (repair.reason == Repair::Reason::lost) repair_twice(path, repair.copy);
      break;
    }
    case Path::Shown::plain:
    case Path::Shown::sequenced: pop_new(path); break;
  }
  path.shown = Path::Shown::nothing;
}

/// A path that loses one packet in a hundred loses one repair in a hundred, too. By the time that this has shown, the
/// other end has given up the gap, and one packet in ten thousand is enough to hold a TCP flow down.
void Sender::repair_twice(Path& path, CopyId copy) {
  if (!path.meter.lossy() || path.meter.congested() || repair_budget_ < copies_[copy].size) return;
  repair_budget_ -= copies_[copy].size;
  copies_.use(copy);
  const Duration apart = std::max<Duration>(least_apart, path.meter.round_trip() / 8);
  path.second_repairs.push_back({copy, path.shown_at + apart, Repair::Reason::second});
}

void Sender::pop_new(Path& path) {
  const FlowId id = session_.front_flow();
  SentFlow& flow = flows_[id];
  const std::size_t size = path.shown_packet->size();
  CopyId copy = no_copy;
  if (path.shown == Path::Shown::sequenced) {
    std::uint32_t& sequence = flow.number != 0 ? flow.sequence : flows_.unordered_sequence();
    Copy as;
    as.queue_flow = id;
    as.flow = flow.number;
    as.sequence = sequence++;
    as.ordered = flow.number != 0;
    as.first_sent = path.shown_at;
    copy = copies_.remember(*path.shown_packet, as);
    ++path.path_sequence;
  }
  session_.pop();
  ++path.counts.packets;
  path.counts.bytes += size;
  path.load_bytes += size;
  flow.sent_bytes += size;
  if (path.shown_at - flow.last_sent > pause_between_bursts) flow.needs = std::min(flow.needs, size);
  flow.last_sent = path.shown_at;
  if (session_.queued_bytes_of(id) == 0) flow.standing_since = never;
  path.meter.sent(size, copy, path.shown_at);
  if (policy_of(flow) != Policy::redundant || copy == no_copy) return;
  if (const auto second = choose_earliest(choice_.views, path.id); second && second != path.id) {
    copies_.use(copy);
    paths_[*second]->repairs.push_back({copy, path.shown_at, Repair::Reason::on_purpose});
  }
}

}  // namespace mpquic::tunnel
