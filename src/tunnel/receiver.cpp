#include "tunnel/receiver.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;

// What a measured delay may be wrong by.
constexpr Duration slack = milliseconds(2);
constexpr Duration forget_flow_after = std::chrono::seconds(10);
constexpr std::size_t probe_size = 8;
// Where fewer gaps are filled, nobody waits for it.
constexpr double repairs_fail = 0.125;
constexpr double gain = 0.125;

// A time of the clock that wraps, as one of the other clock; the same whichever time near it is taken for help.
Instant instant_of(std::uint32_t time, Instant near) {
  return std::chrono::floor<std::chrono::microseconds>(near) +
         std::chrono::microseconds(distance(time, microseconds(near)));
}

}  // namespace

Receiver::Receiver(const ReceiverLimits& limits, packet::BufferPool& pool, DropCounters& drops)
    : limits_(limits), drops_(drops), held_(pool, limits.held_packets) {}

void Receiver::add_path(PathId path) { paths_[path] = std::make_unique<Path>(); }

void Receiver::remove_path(PathId path, Instant now, PacketSink& sink) {
  paths_[path].reset();
  settle(now, sink);
}

void Receiver::follow_round_trip(PathId path, Duration round_trip) { paths_[path]->round_trip = round_trip; }

void Receiver::count(Path& path, std::uint32_t path_sequence, std::uint32_t sent_at, Instant now) {
  path.delay.arrived(sent_at, now);
  if (path.counts.packets++ == 0) path.newest_sequence = path_sequence - 1;
  const std::int32_t ahead = distance(path_sequence, path.newest_sequence);
  if (ahead <= 0) return;
  path.numbers += static_cast<std::uint32_t>(ahead);
  path.newest_sequence = path_sequence;
}

void Receiver::receive_probe(PathId id, Bytes bytes, Instant now) {
  if (bytes.size() < probe_size) return drops_.count(Drop::malformed);
  count(*paths_[id], load_be32(&bytes[0]), load_be32(&bytes[4]), now);
}

void Receiver::receive(PathId id, Bytes bytes, Instant now, PacketSink& sink) {
  const auto packet = parse_sequenced(bytes);
  if (!packet) return drops_.count(Drop::malformed);
  const SequenceHeader& header = packet->header;
  Path& path = *paths_[id];
  count(path, header.path_sequence, header.sent_at, now);
  path.counts.copies += header.copy ? 1 : 0;
  if (header.ordered && header.flow != 0) {
    receive_ordered(*packet, now, sink);
  } else if (unordered_.insert(header.sequence)) {
    sink.deliver(packet->packet);
  } else {
    ++counts_.duplicates;
    drops_.count(Drop::duplicate);
  }
}

void Receiver::receive_ordered(const SequencedPacket& packet, Instant now, PacketSink& sink) {
  Flow& flow = flow_of(packet.header, now, sink);
  const bool had_gap = flow.order.has_gap();
  const Instant since = had_gap ? held_[flow.order.behind_gap()].since : now;
  switch (flow.order.place(packet.header.sequence)) {
    case Reorder::Verdict::next:
      sink.deliver(packet.packet);
      if (!had_gap) return;
      fill(packet.header, now - since);
      return release(flow, sink);
    case Reorder::Verdict::early: return hold(flow, packet, now, sink);
    case Reorder::Verdict::late:
      ++counts_.late;
      learn_late(flow, packet.header, now);
      return sink.deliver(packet.packet);
    case Reorder::Verdict::duplicate: ++counts_.duplicates; return drops_.count(Drop::duplicate);
  }
}

Receiver::Flow& Receiver::flow_of(const SequenceHeader& header, Instant now, PacketSink& sink) {
  if (flows_.empty() || flows_.front().number != header.flow) {
    const auto known = by_number_.find(header.flow);
    if (known != by_number_.end()) flows_.splice(flows_.begin(), flows_, known->second);
  }
  if (!flows_.empty() && flows_.front().number == header.flow) {
    if (now - flows_.front().last < forget_flow_after) {
      flows_.front().last = now;
      return flows_.front();
    }
    // The number has been given to another flow meanwhile.
    forget(flows_.begin(), sink);
  }
  while (!flows_.empty() && (flows_.size() >= limits_.flows || now - flows_.back().last >= forget_flow_after)) {
    forget(std::prev(flows_.end()), sink);
  }
  flows_.push_front({header.flow, Reorder(header.sequence), now, {}});
  by_number_.emplace(header.flow, flows_.begin());
  return flows_.front();
}

/// What was missing has come, so long after that was seen.
void Receiver::fill(const SequenceHeader& header, Duration after) {
  ++counts_.filled;
  if (!header.copy) return;
  ++counts_.repaired;
  learn_repair(after);
}

void Receiver::forget(Flows::iterator flow, PacketSink& sink) {
  while (flow->order.has_gap()) give_up(*flow, sink);
  by_number_.erase(flow->number);
  flows_.erase(flow);
}

void Receiver::hold(Flow& flow, const SequencedPacket& packet, Instant now, PacketSink& sink) {
  const std::uint32_t sequence = packet.header.sequence;
  while (!flow.order.within_reach(sequence) && flow.order.has_gap()) give_up(flow, sink);
  if (!flow.order.within_reach(sequence)) return deliver_early(flow, packet, sink);
  if (const auto behind = flow.order.behind(sequence)) fill(packet.header, now - held_[*behind].since);
  HeldPackets::Index held = keep(flow, packet, now);
  while (held == HeldPackets::none && held_.takes(packet.packet.size()) && !waiting_.empty()) {
    Flow& fullest = fullest_of_waiting();
    // Its own gap is the one to be given up, as far as this packet.
    if (&fullest == &flow && distance(sequence, flow.order.behind_sequence()) < 0) break;
    give_up(fullest, sink);
    held = keep(flow, packet, now);
  }
  // Its turn may have come, or have passed, when others were given up.
  if (held == HeldPackets::none) return deliver_early(flow, packet, sink);
  if (distance(sequence, flow.order.next()) <= 0) {
    held_.release(held);
    return deliver_early(flow, packet, sink);
  }
  if (!flow.order.has_gap()) waiting_.push_back(&flow);
  flow.order.hold(sequence, held);
}

/// It can't be held: what is missing before it is given up.
void Receiver::deliver_early(Flow& flow, const SequencedPacket& packet, PacketSink& sink) {
  const std::uint32_t sequence = packet.header.sequence;
  while (flow.order.has_gap() && distance(sequence, flow.order.behind_sequence()) > 0) give_up(flow, sink);
  if (distance(sequence, flow.order.next()) > 0) {
    ++counts_.given_up;
    flow.order.skip_to(sequence);
  }
  if (flow.order.place(sequence) == Reorder::Verdict::late) ++counts_.late;
  sink.deliver(packet.packet);
  release(flow, sink);
}

/// It has waited as long as what would be held behind it, which was sent later: so nobody waits longer for being
/// overtaken.
HeldPackets::Index Receiver::keep(const Flow& flow, const SequencedPacket& packet, Instant now) {
  Instant since = now;
  std::uint32_t sent_at = packet.header.sent_at;
  const std::uint32_t sequence = packet.header.sequence;
  if (const auto behind = distance(sequence, flow.order.next()) > 0 ? flow.order.behind(sequence) : std::nullopt) {
    since = held_[*behind].since;
    // What is sent again has a later time.
    if (distance(held_[*behind].sent_at, sent_at) < 0) sent_at = held_[*behind].sent_at;
  }
  return held_.hold(packet.packet, sent_at, since);
}

/// What waits no longer.
void Receiver::release(Flow& flow, PacketSink& sink) {
  while (const auto next = flow.order.take_next()) {
    sink.deliver(held_[*next].bytes());
    held_.release(*next);
  }
  if (!flow.order.has_gap()) std::erase(waiting_, &flow);
}

void Receiver::give_up(Flow& flow, PacketSink& sink) {
  ++counts_.given_up;
  flow.order.give_up();
  release(flow, sink);
}

Receiver::Flow& Receiver::fullest_of_waiting() {
  return **std::ranges::max_element(waiting_, {}, [](const Flow* flow) { return flow->order.held(); });
}

void Receiver::give_up_due(Flow& flow, PacketSink& sink) {
  const HeldPackets::Held& behind = held_[flow.order.behind_gap()];
  flow.given_up = {flow.order.next(), flow.order.behind_sequence(), behind.since};
  repairs_come_ -= gain * repairs_come_;
  give_up(flow, sink);
}

void Receiver::settle(Instant now, PacketSink& sink) {
  // Each gap that was waited for in vain may shorten the wait for the others.
  for (bool again = true; again;) {
    const Duration before = repair_time();
    for (std::size_t i = 0; i < waiting_.size();) {
      Flow& flow = *waiting_[i];
      while (flow.order.has_gap() && due(flow) <= now) give_up_due(flow, sink);
      if (i < waiting_.size() && waiting_[i] == &flow) ++i;
    }
    again = repair_time() < before;
  }
}

/// When the gap is to be given up.
Instant Receiver::due(const Flow& flow) const {
  const HeldPackets::Held& behind = held_[flow.order.behind_gap()];
  const Instant can_come = std::max(originals_due(behind), behind.since + repair_time());
  return std::min(can_come, behind.since + limits_.longest_wait);
}

/// When nothing that was sent before that can come any more the first time.
Instant Receiver::originals_due(const HeldPackets::Held& behind) const {
  Instant latest = Instant::min();
  for (const auto& path : paths_) {
    if (path == nullptr || !path->delay.known() || path->delay.has_passed(behind.sent_at)) continue;
    latest = std::max(latest, instant_of(path->delay.arrival_of(behind.sent_at), behind.since) + slack);
  }
  return latest;
}

void Receiver::learn_repair(Duration taken) {
  repair_time_.sample(std::min(taken, limits_.longest_wait));
  repairs_come_ += gain * (1 - repairs_come_);
}

/// It would have been worth waiting longer. Nobody would ever know that from gaps that were filled in time.
void Receiver::learn_late(const Flow& flow, const SequenceHeader& header, Instant now) {
  const GivenUp& gap = flow.given_up;
  if (distance(header.sequence, gap.first) < 0 || distance(header.sequence, gap.end) >= 0) return;
  if (header.copy) return learn_repair(now - gap.since);
  repairs_come_ += gain * (1 - repairs_come_);
}

/// As long as a repair takes as a rule, and the same again for one that is lost, too. As long as nothing is known: a
/// round trip for the news that something is missing, and some more to be sure of it.
Duration Receiver::repair_time() const {
  if (repairs_come_ < repairs_fail) return 5 * slack;
  if (repair_time_.known()) return repair_time_.high() + repair_time_.mean() + slack;
  Duration longest{};
  for (const auto& path : paths_) {
    if (path != nullptr) longest = std::max(longest, path->round_trip);
  }
  return longest * 5 / 2 + 5 * slack;
}

Instant Receiver::deadline() const {
  Instant earliest = never;
  for (const Flow* flow : waiting_) earliest = std::min(earliest, due(*flow));
  return earliest;
}

void Receiver::on_deadline(Instant now, PacketSink& sink) { settle(now, sink); }

ReceiverStatistics Receiver::statistics() const {
  ReceiverStatistics result = counts_;
  result.held_packets = held_.count();
  return result;
}

ReceiverPathStatistics Receiver::statistics(PathId id) const {
  const Path& path = *paths_[id];
  ReceiverPathStatistics result = path.counts;
  if (result.packets == 0) return result;
  result.missing = path.numbers - std::min(path.numbers, result.packets);
  for (const auto& other : paths_) {
    if (other != nullptr && other->delay.known()) {
      result.delay = std::max(result.delay, path.delay.more_than(other->delay));
    }
  }
  return result;
}

}  // namespace mpquic::tunnel
