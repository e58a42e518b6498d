#include "tunnel/receiver.h"

#include <algorithm>
#include <utility>

namespace mpquic::tunnel {
namespace {

using std::chrono::milliseconds;

// What a measured delay may be wrong by.
constexpr Duration slack = milliseconds(2);
constexpr Duration forget_flow_after = std::chrono::seconds(10);
constexpr std::size_t probe_size = 8;

// A time of the clock that wraps, as one of the other clock.
Instant instant_of(std::uint32_t time, Instant now) {
  return now + std::chrono::microseconds(distance(time, microseconds(now)));
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
  if (path.counts.packets++ == 0) path.first_sequence = path.newest_sequence = path_sequence;
  if (distance(path_sequence, path.newest_sequence) > 0) path.newest_sequence = path_sequence;
}

void Receiver::receive_probe(PathId id, Bytes bytes, Instant now, PacketSink& sink) {
  if (bytes.size() < probe_size) return drops_.count(Drop::malformed);
  count(*paths_[id], load_be32(&bytes[0]), load_be32(&bytes[4]), now);
  settle(now, sink);
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
  settle(now, sink);
}

void Receiver::receive_ordered(const SequencedPacket& packet, Instant now, PacketSink& sink) {
  Flow& flow = flow_of(packet.header, now, sink);
  flow.last = now;
  const bool had_gap = flow.order.has_gap();
  const Instant since = had_gap ? held_[flow.order.behind_gap()].since : now;
  switch (flow.order.place(packet.header.sequence)) {
    case Reorder::Verdict::next:
      sink.deliver(packet.packet);
      if (!had_gap) return;
      ++counts_.filled;
      if (packet.header.copy) {
        ++counts_.repaired;
        repair_time_.sample(now - since);
      }
      return release(flow, sink);
    case Reorder::Verdict::early: return hold(flow, packet, now, sink);
    case Reorder::Verdict::late: ++counts_.late; return sink.deliver(packet.packet);
    case Reorder::Verdict::duplicate: ++counts_.duplicates; return drops_.count(Drop::duplicate);
  }
}

Receiver::Flow& Receiver::flow_of(const SequenceHeader& header, Instant now, PacketSink& sink) {
  const auto known = flows_.find(header.flow);
  if (known != flows_.end()) {
    if (now - known->second.last < forget_flow_after) return known->second;
    while (known->second.order.has_gap()) give_up(known->second, 0, sink);
    std::erase(waiting_, &known->second);
    flows_.erase(known);
  }
  if (flows_.size() >= limits_.flows) forget_silent_flow(sink);
  return flows_.emplace(header.flow, Flow{Reorder(header.sequence), now}).first->second;
}

void Receiver::forget_silent_flow(PacketSink& sink) {
  const auto silent = std::ranges::min_element(flows_, {}, [](const auto& each) { return each.second.last; });
  while (silent->second.order.has_gap()) give_up(silent->second, 0, sink);
  std::erase(waiting_, &silent->second);
  flows_.erase(silent);
}

void Receiver::hold(Flow& flow, const SequencedPacket& packet, Instant now, PacketSink& sink) {
  const std::uint32_t sequence = packet.header.sequence;
  while (!flow.order.within_reach(sequence)) give_up(flow, sequence, sink);
  HeldPackets::Index held = held_.hold(packet.packet, packet.header.sent_at, now);
  while (held == HeldPackets::none && !waiting_.empty()) {
    Flow& fullest = fullest_of_waiting();
    // Its own gap is the one to be given up, as far as this packet.
    if (&fullest == &flow && flow.order.is_in_gap(sequence)) break;
    give_up(fullest, 0, sink);
    held = held_.hold(packet.packet, packet.header.sent_at, now);
  }
  // What was given up may have been all that was before it.
  const Reorder::Verdict verdict = flow.order.place(sequence);
  if (held != HeldPackets::none && verdict == Reorder::Verdict::early) {
    if (!flow.order.has_gap()) waiting_.push_back(&flow);
    return flow.order.hold(sequence, held, now);
  }
  if (held != HeldPackets::none) held_.release(held);
  if (verdict == Reorder::Verdict::early) {
    ++counts_.given_up;
    flow.order.skip_to(sequence);
    flow.order.place(sequence);
  }
  sink.deliver(packet.packet);
  release(flow, sink);
}

/// What waits no longer.
void Receiver::release(Flow& flow, PacketSink& sink) {
  while (const auto next = flow.order.take_next()) {
    sink.deliver(held_[*next].bytes());
    held_.release(*next);
  }
  if (!flow.order.has_gap()) std::erase(waiting_, &flow);
}

void Receiver::give_up(Flow& flow, std::uint32_t sequence, PacketSink& sink) {
  ++counts_.given_up;
  flow.order.give_up(sequence);
  release(flow, sink);
}

Receiver::Flow& Receiver::fullest_of_waiting() {
  return **std::ranges::max_element(waiting_, {}, [](const Flow* flow) { return flow->order.held(); });
}

void Receiver::settle(Instant now, PacketSink& sink) {
  for (std::size_t i = 0; i < waiting_.size();) {
    Flow& flow = *waiting_[i];
    while (flow.order.has_gap() && due(flow.order, now) <= now) give_up(flow, 0, sink);
    if (i < waiting_.size() && waiting_[i] == &flow) ++i;
  }
}

/// When the gap is to be given up.
Instant Receiver::due(const Reorder& order, Instant now) const {
  const HeldPackets::Held& behind = held_[order.behind_gap()];
  const Instant can_come = std::max(originals_due(behind.sent_at, now), behind.since + repair_time());
  return std::min(can_come, order.held_since() + limits_.longest_wait);
}

/// When nothing that was sent before that can come any more the first time.
Instant Receiver::originals_due(std::uint32_t sent_at, Instant now) const {
  Instant latest = Instant::min();
  for (const auto& path : paths_) {
    if (path == nullptr || !path->delay.known() || path->delay.has_passed(sent_at)) continue;
    latest = std::max(latest, instant_of(path->delay.arrival_of(sent_at), now) + slack);
  }
  return latest;
}

/// A round trip for the news that something is missing, some more to be sure of it, and the same again for a repair
/// that is lost, too; or longer, if repairs are seen to take longer.
Duration Receiver::repair_time() const {
  Duration longest{};
  for (const auto& path : paths_) {
    if (path != nullptr) longest = std::max(longest, path->round_trip);
  }
  return std::max(longest * 5 / 2, repair_time_.high()) + 5 * slack;
}

Instant Receiver::deadline() const {
  Instant earliest = never;
  for (const Flow* flow : waiting_)
    earliest = std::min(earliest, due(flow->order, held_[flow->order.behind_gap()].since));
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
  const auto span = static_cast<std::uint64_t>(distance(path.newest_sequence, path.first_sequence)) + 1;
  result.missing = span - std::min(span, result.packets);
  for (const auto& other : paths_) {
    if (other != nullptr && other->delay.known()) {
      result.delay = std::max(result.delay, path.delay.more_than(other->delay));
    }
  }
  return result;
}

}  // namespace mpquic::tunnel
