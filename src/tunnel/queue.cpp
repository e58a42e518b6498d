#include "tunnel/queue.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

// A flow is in one of two lines. Flows that have just begun (sparse) go first; who has used up a quantum goes to the
// end of the steady ones, which share by deficit round robin. Whoever is first and has a quantum left gives the next
// packet, after CoDel has taken from its head what has waited too long.

namespace mpquic::tunnel {
namespace {

constexpr std::size_t most_spare = 64;  // a batch read from a TUN queue
constexpr std::size_t least_spare = 1;

}  // namespace

Queue::Queue(const QueueLimits& limits, DropCounters& drops) : configured_(limits), limits_(limits), drops_(drops) {
  static_assert(QueueLimits().flows * sizeof(Flow) + least_spare * (sizeof(Waiting) + 2 * sizeof(void*)) <= 4096);
  assert(limits.flows > 0 && limits.flows <= 1 << 15);
  assert(limits.quantum > 0 && limits.quantum <= 1 << 20);
  assert(limits.bytes <= 1 << 30);
}

void Queue::follow_round_trip(Duration round_trip) {
  limits_.interval = std::max(configured_.interval, 2 * round_trip);
  limits_.target = std::max(configured_.target, limits_.interval / 16);  // RFC 8289 4.3: 5 to 10 % of the interval
}

void Queue::push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, Instant now) {
  assert(!packets.empty());
  if (!flows_) flows_ = std::make_unique<Flow[]>(configured_.flows);
  const FlowId id = flow_of(flow_hash);
  Flow& flow = flows_[id];

  if (spare_.empty()) spare_.emplace_back();
  flow.waiting.splice(flow.waiting.end(), spare_, spare_.begin());
  Waiting& waiting = flow.waiting.back();
  ++occupied(memory).blocks;
  waiting.memory = std::move(memory);
  waiting.packets.emplace(std::move(packets));
  waiting.since = now;

  const std::size_t added = waiting.packets->bytes_left();
  flow.bytes += static_cast<std::uint32_t>(added);
  bytes_ += added;
  if (flow.turn == Turn::idle) {
    flow.turn = Turn::sparse;
    flow.deficit = static_cast<std::int32_t>(limits_.quantum);
    append(sparse_, id);
  }
  while (bytes_ > limits_.bytes && drop_from_fattest()) {
  }
}

// By the upper bits of a multiplication: hashes that differ in few bits still spread.
FlowId Queue::flow_of(std::uint32_t flow_hash) const {
  return static_cast<FlowId>(std::uint64_t{flow_hash * 0x9E3779B1U} * configured_.flows >> 32);
}

const packet::Pieces* Queue::front(std::size_t max_packet, Instant now, const FlowFilter* filter) {
  if (filter == nullptr && front_flow_ != no_flow) return &shown_of(front_flow_)->packet;
  front_flow_ = no_flow;
  max_packet_ = max_packet;
  for (Line* line : {&sparse_, &steady_}) {
    if (const packet::Pieces* packet = front_of(*line, filter, now)) return packet;
  }
  return nullptr;
}

const packet::Pieces* Queue::front_of(Line& line, const FlowFilter* filter, Instant now) {
  for (FlowId previous = no_flow;;) {
    const FlowId id = previous == no_flow ? line.first : flows_[previous].next;
    if (id == no_flow) return nullptr;
    Flow& flow = flows_[id];
    if (filter != nullptr && !filter->passes(id)) {
      previous = id;
      continue;
    }
    if (const Shown* shown = shown_of(id)) {
      front_flow_ = id;
      return &shown->packet;
    }
    if (flow.deficit <= 0) {
      flow.deficit += static_cast<std::int32_t>(limits_.quantum);
    } else if (discard_late(flow, now)) {
      return take_front(id);
    } else if (flow.turn == Turn::steady) {
      flow.turn = Turn::idle;
      take(line, previous);
      continue;
    }
    // An emptied sparse flow waits behind the steady ones, too: being new again at once would let it starve them.
    flow.turn = Turn::steady;
    take(line, previous);
    append(steady_, id);
  }
}

const Queue::Shown* Queue::shown_of(FlowId id) const {
  for (const Shown& shown : shown_) {
    if (shown.flow == id) return &shown;
  }
  return nullptr;
}

void Queue::pop() {
  assert(front_flow_ != no_flow);
  Flow& flow = flows_[front_flow_];
  const auto shown = std::ranges::find(shown_, front_flow_, &Shown::flow);
  forget(flow, shown->bytes);
  *shown = shown_.back();
  shown_.pop_back();
  front_flow_ = no_flow;
  if (flow.waiting.front().packets->empty()) recycle(flow, flow.waiting.begin());
  if (bytes_ == 0 && spare_.size() > least_spare) spare_.pop_front();  // what a burst needed goes back little by little
}

void Queue::append(Line& line, FlowId id) {
  flows_[id].next = no_flow;
  if (line.first == no_flow) {
    line.first = id;
  } else {
    flows_[line.last].next = id;
  }
  line.last = id;
}

FlowId Queue::take(Line& line, FlowId previous) {
  FlowId& place = previous == no_flow ? line.first : flows_[previous].next;
  const FlowId id = place;
  place = flows_[id].next;
  if (line.last == id) line.last = previous;
  return id;
}

/// Lets CoDel drop from the head of a flow, or mark there. False: nothing is left of it.
bool Queue::discard_late(Flow& flow, Instant now) {
  if (codel_pauses_) flow.codel.emptied();
  while (!flow.waiting.empty()) {
    if (codel_pauses_) return true;
    Waiting& first = flow.waiting.front();
    // CoDel looks at what would be left (RFC 8289 5.4): a flow that is down to its last packet is not what stands.
    const bool last = flow.bytes - first.packets->next_size(max_packet_) <= max_packet_;
    if (!flow.codel.signals(first.since + standing_, last, limits_, now)) return true;
    if (first.packets->mark_congestion()) return true;
    drop(flow, flow.waiting.begin(), Drop::queue_delay);
  }
  flow.codel.emptied();
  return false;
}

const packet::Pieces* Queue::take_front(FlowId id) {
  packet::Splitter& packets = *flows_[id].waiting.front().packets;
  const std::size_t before = packets.bytes_left();
  const packet::Pieces packet = packets.next(max_packet_);
  shown_.push_back({id, packet, before - packets.bytes_left()});
  front_flow_ = id;
  flows_[id].deficit -= static_cast<std::int32_t>(packet.size());
  return &shown_.back().packet;
}

/// One packet off the head of the flow that has the most to lose. False: there is nothing but front().
bool Queue::drop_from_fattest() {
  FlowId fattest = no_flow;
  std::size_t most = 0;
  for (const Line& line : {sparse_, steady_}) {
    for (FlowId id = line.first; id != no_flow; id = flows_[id].next) {
      if (const std::size_t has = droppable(id); has > most) {
        most = has;
        fattest = id;
      }
    }
  }
  if (fattest == no_flow) return false;
  Flow& flow = flows_[fattest];
  drop(flow, shown_of(fattest) ? std::next(flow.waiting.begin()) : flow.waiting.begin(), Drop::queue_full);
  return true;
}

/// Cutting on in a super-packet that a packet was shown of would change that.
std::size_t Queue::droppable(FlowId id) const {
  const Flow& flow = flows_[id];
  const Shown* shown = shown_of(id);
  if (shown == nullptr) return flow.bytes;
  return flow.bytes - shown->bytes - flow.waiting.front().packets->bytes_left();
}

void Queue::drop(Flow& flow, std::list<Waiting>::iterator from, Drop reason) {
  const std::size_t before = from->packets->bytes_left();
  from->packets->next(max_packet_);
  forget(flow, before - from->packets->bytes_left());
  drops_.count(reason);
  if (from->packets->empty()) recycle(flow, from);
}

void Queue::forget(Flow& flow, std::size_t bytes) {
  flow.bytes -= static_cast<std::uint32_t>(bytes);
  bytes_ -= bytes;
}

Queue::Occupied& Queue::occupied(const packet::Buffer& memory) {
  const auto known = std::ranges::find_if(
      occupied_, [&](const Occupied& each) { return each.pool == nullptr || each.pool == memory.pool(); });
  known->pool = memory.pool();
  return *known;
}

std::size_t Queue::blocks_of(const packet::BufferPool& pool) const {
  std::size_t blocks = 0;
  for (const Occupied& occupied : occupied_) {
    if (occupied.pool == &pool) blocks += occupied.blocks;
  }
  return blocks;
}

void Queue::recycle(Flow& flow, std::list<Waiting>::iterator done) {
  --occupied(done->memory).blocks;
  done->memory = packet::Buffer();
  done->packets.reset();
  if (spare_.size() < most_spare) {
    spare_.splice(spare_.begin(), flow.waiting, done);
  } else {
    flow.waiting.erase(done);
  }
}

bool Queue::Codel::signals(Instant since, bool last, const QueueLimits& limits, Instant now) {
  const bool standing = stands(since, last, limits, now);
  if (!signalling_) {
    if (!standing) return false;
    signalling_ = true;
    // Soon after the last time, the rate that was right then is the better guess (RFC 8289 5.4).
    const bool resumes = count_ - last_count_ > 1 && now - next_ < 16 * limits.interval;
    count_ = resumes ? static_cast<std::uint16_t>(count_ - last_count_) : std::uint16_t{1};
    last_count_ = count_;
    next_ = now + spacing(limits);
    return true;
  }
  if (!standing) {
    signalling_ = false;
    return false;
  }
  if (now < next_) return false;
  if (count_ < std::numeric_limits<std::uint16_t>::max()) ++count_;
  next_ += spacing(limits);
  return true;
}

void Queue::Codel::emptied() {
  first_above_ = never;
  signalling_ = false;
}

bool Queue::Codel::stands(Instant since, bool last, const QueueLimits& limits, Instant now) {
  if (now < since + limits.target || last) {
    first_above_ = never;
    return false;
  }
  if (first_above_ == never) first_above_ = now + limits.interval;
  return now >= first_above_;
}

/// RFC 8289 5.4, the control law: the rate of a TCP flow goes with one over the square root of its losses.
Duration Queue::Codel::spacing(const QueueLimits& limits) const {
  return std::chrono::duration_cast<Duration>(limits.interval / std::sqrt(static_cast<double>(count_)));
}

}  // namespace mpquic::tunnel
