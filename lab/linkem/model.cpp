#include "model.h"

#include <algorithm>
#include <cassert>

namespace linkem {

std::string_view name(Drop reason) {
  switch (reason) {
    case Drop::loss: return "loss";
    case Drop::burst: return "burst";
    case Drop::queue: return "queue";
    case Drop::mtu: return "mtu";
    case Drop::cut: return "cut";
    case Drop::count_: break;
  }
  assert(false);
  return {};
}

unsigned Model::push(const Packet& packet, Instant now) {
  advance(now);
  const Fate fate = chance_.next(parameters_);
  const Duration extra = extra_delay(fate, now);
  if (cut_) return drop(Drop::cut);
  if (parameters_.mtu != 0 && packet.ip_bytes > parameters_.mtu) return drop(Drop::mtu);
  if (fate.lost) return drop(Drop::loss);
  if (fate.burst_lost) return drop(Drop::burst);

  unsigned taken = 0;
  if (fate.reordered && parameters_.reorder_delay == Duration{}) {
    fly(packet.slot, now);
    taken = 1;
  } else if (bottleneck_.push({packet, extra, fate.reordered}, now, parameters_)) {
    taken = 1;
  } else {
    return drop(Drop::queue);
  }
  if (fate.reordered) ++counters_.reordered;
  if (fate.duplicated && bottleneck_.push({packet, extra, fate.reordered}, now, parameters_)) {
    ++counters_.duplicated;
    ++taken;
  }
  return taken;
}

std::optional<Model::Delivery> Model::pop(Instant now) {
  advance(now);
  if (in_flight_.empty() || in_flight_.top().due > now) return std::nullopt;
  const Delivery delivery{in_flight_.top().slot, in_flight_.top().due};
  in_flight_.pop();
  return delivery;
}

Instant Model::deadline() const {
  const Instant first = in_flight_.empty() ? mpquic::never : in_flight_.top().due;
  if (bottleneck_.deadline() == mpquic::never) return first;
  // Nobody needs to see a packet leave the queue before it can be due.
  const Duration shortest = std::max(Duration{}, parameters_.delay - parameters_.jitter);
  return std::min(first, bottleneck_.deadline() + shortest);
}

void Model::set(Parameters parameters, Instant now) {
  advance(now);
  const bool other_capacity = parameters.rate != parameters_.rate || parameters.trace != parameters_.trace;
  parameters_ = std::move(parameters);
  hold_until_ = {};
  if (other_capacity) bottleneck_.reschedule(now, parameters_);
}

std::vector<std::uint32_t> Model::cut() {
  cut_ = true;
  last_due_ = {};
  std::vector<std::uint32_t> slots;
  for (const Underway& waiting : bottleneck_.clear()) slots.push_back(waiting.packet.slot);
  for (; !in_flight_.empty(); in_flight_.pop()) slots.push_back(in_flight_.top().slot);
  counters_.drops[static_cast<std::size_t>(Drop::cut)] += slots.size();
  return slots;
}

unsigned Model::drop(Drop reason) {
  ++counters_.drops[static_cast<std::size_t>(reason)];
  return 0;
}

Duration Model::extra_delay(const Fate& fate, Instant now) {
  if (now >= hold_until_) {
    held_jitter_ = Duration(static_cast<Duration::rep>(fate.jitter * static_cast<double>(parameters_.jitter.count())));
    hold_until_ = now + parameters_.jitter_hold;
  }
  return held_jitter_ + (fate.reordered ? parameters_.reorder_delay : Duration{});
}

void Model::advance(Instant now) {
  while (const auto departure = bottleneck_.advance(now, parameters_)) {
    const auto& [packet, extra, own_place] = departure->packet;
    Instant due = departure->time + std::max(Duration{}, parameters_.delay + extra);
    if (parameters_.keep_order && !own_place) {
      due = std::max(due, last_due_);
      last_due_ = due;
    }
    fly(packet.slot, due);
  }
}

}  // namespace linkem
