#include "direction.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace linkem {
namespace {

// Small enough that what is due in the other direction doesn't wait for long.
constexpr std::size_t receive_batch = 256;
constexpr std::size_t send_batch = 32;
// 300 ms at 5 Gbit/s of full frames; what is never used is never allocated.
constexpr std::uint32_t most_slots = 128 * 1024;

double microseconds(Duration duration) { return static_cast<double>(duration.count()) / 1e3; }

}  // namespace

Direction::Direction(Port& from, Port& to, Parameters parameters, std::uint64_t seed)
    : from_(from), to_(to), model_(std::move(parameters), seed), pool_(from.largest_frame(), most_slots) {}

std::size_t Direction::receive(Instant now) {
  std::size_t count = 0;
  for (; count < receive_batch; ++count) {
    const auto received = from_.frame(now);
    if (!received) break;
    take(*received);
    from_.next_frame();
  }
  return count;
}

void Direction::take(const Port::Received& received) {
  ++received_.packets;
  received_.bytes += received.bytes.size();
  if (!received.checksum_complete) ++unfinished_checksums_;
  if (!received.whole) {
    ++oversize_;
    return;
  }
  const auto slot = pool_.vacant();
  if (!slot) {
    ++no_memory_;
    return;
  }
  const std::size_t bytes = assemble(received.bytes, received.tag, pool_.data(*slot));
  const Packet packet{*slot, static_cast<std::uint32_t>(bytes), ip_bytes({pool_.data(*slot), bytes})};
  pool_.keep(*slot, bytes, model_.push(packet, received.arrival));
}

std::size_t Direction::send_due() {
  const Instant now = mpquic::Clock::now();
  std::size_t count = 0;
  for (; const auto delivery = model_.pop(now); ++count) {
    batch_.push_back(*delivery);
    if (batch_.size() == send_batch) flush();
  }
  flush();
  return count;
}

void Direction::flush() {
  if (batch_.empty()) return;
  frames_.clear();
  for (const auto& delivery : batch_) frames_.push_back(pool_.frame(delivery.slot));
  const auto refused = to_.send(frames_);
  const Instant now = mpquic::Clock::now();
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    if (!std::binary_search(refused.begin(), refused.end(), i)) {
      lateness_.add(now - batch_[i].due);
      ++sent_.packets;
      sent_.bytes += frames_[i].size();
    }
    pool_.release(batch_[i].slot);
  }
  refused_ += refused.size();
  batch_.clear();
}

void Direction::cut() {
  for (const std::uint32_t slot : model_.cut()) pool_.release(slot);
}

nlohmann::json Direction::statistics() {
  overruns_ += from_.take_overruns();
  nlohmann::json drops;
  for (std::size_t i = 0; i < drop_count; ++i) {
    drops[std::string(name(static_cast<Drop>(i)))] = model_.counters().drops[i];
  }
  drops.update({{"oversize", oversize_}, {"memory", no_memory_}, {"refused", refused_}, {"overrun", overruns_}});
  return {{"received", {{"packets", received_.packets}, {"bytes", received_.bytes}}},
          {"sent", {{"packets", sent_.packets}, {"bytes", sent_.bytes}}},
          {"duplicated", model_.counters().duplicated},
          {"reordered", model_.counters().reordered},
          {"unfinished_checksums", unfinished_checksums_},
          {"drops", std::move(drops)},
          {"queue_bytes", model_.backlog()},
          {"in_flight", model_.in_flight()},
          {"cut", model_.is_cut()},
          {"lateness_us",
           {{"p50", microseconds(lateness_.quantile(0.5))},
            {"p99", microseconds(lateness_.quantile(0.99))},
            {"max", microseconds(lateness_.max())}}}};
}

}  // namespace linkem
