#include "bottleneck.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace linkem {
namespace {

Duration transmission(std::uint32_t bytes, std::uint64_t rate) {
  return Duration(static_cast<Duration::rep>(std::uint64_t{bytes} * 8 * 1'000'000'000 / rate));
}

std::uint64_t limit(const Parameters& parameters) {
  if (!parameters.trace && parameters.rate == 0) return std::numeric_limits<std::uint64_t>::max();
  if (parameters.queue != 0) return parameters.queue;
  const std::uint64_t rate = parameters.trace ? parameters.trace->mean_rate() : parameters.rate;
  return std::max<std::uint64_t>(32 * 1024, rate / 8 / 20);
}

}  // namespace

bool Bottleneck::push(const Underway& packet, Instant now, const Parameters& parameters) {
  const std::uint32_t bytes = packet.packet.bytes;
  if (queue_.empty()) {
    head_done_ = finish(bytes, std::max(now, free_at_), parameters);
  } else if (backlog_ + bytes > limit(parameters)) {
    return false;
  }
  queue_.push_back(packet);
  backlog_ += bytes;
  return true;
}

std::optional<Bottleneck::Departure> Bottleneck::advance(Instant now, const Parameters& parameters) {
  if (queue_.empty() || head_done_ > now) return std::nullopt;
  const Departure departure{queue_.front(), head_done_};
  queue_.pop_front();
  backlog_ -= departure.packet.packet.bytes;
  free_at_ = head_done_;
  if (!queue_.empty()) head_done_ = finish(queue_.front().packet.bytes, free_at_, parameters);
  return departure;
}

void Bottleneck::reschedule(Instant now, const Parameters& parameters) {
  trace_start_.reset();
  // What is left of the old rate's debt must not outlive it: a link that becomes fast is fast at once.
  free_at_ = std::min(free_at_, now);
  if (!queue_.empty()) head_done_ = finish(queue_.front().packet.bytes, now, parameters);
}

std::deque<Underway> Bottleneck::clear() {
  backlog_ = 0;
  free_at_ = {};
  return std::exchange(queue_, {});
}

Instant Bottleneck::finish(std::uint32_t bytes, Instant start, const Parameters& parameters) {
  if (!parameters.trace) return parameters.rate == 0 ? start : start + transmission(bytes, parameters.rate);

  const Trace& trace = *parameters.trace;
  if (!trace_start_) {
    trace_start_ = start;
    opportunity_ = 0;
    credit_ = 0;
  }
  const Duration elapsed = start - *trace_start_;
  if (opportunity_ == 0 || trace.at(opportunity_ - 1) != elapsed) credit_ = 0;
  opportunity_ = std::max(opportunity_, trace.first_from(elapsed));
  Instant done = start;
  std::int64_t left = std::int64_t{bytes} - credit_;
  while (left > 0) {
    done = *trace_start_ + trace.at(opportunity_++);
    left -= Trace::opportunity_bytes;
  }
  credit_ = -left;
  return done;
}

}  // namespace linkem
