#include "trace.h"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace linkem {

using mpquic::Duration;
using mpquic::failure;

mpquic::Result<Trace> Trace::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return mpquic::os_failure("open {}", path);
  auto trace = parse(file);
  if (!trace) return failure("{}:{}", path, trace.error().message);
  return trace;
}

mpquic::Result<Trace> Trace::parse(std::istream& text) {
  Trace trace;
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    std::uint32_t milliseconds = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), milliseconds);
    if (error != std::errc{} || end != line.data() + line.size()) {
      return failure("{}: \"{}\" is no number of milliseconds", number, line);
    }
    const Duration time = std::chrono::milliseconds(milliseconds);
    if (!trace.times_.empty() && time < trace.times_.back()) return failure("{}: time goes backwards", number);
    trace.times_.push_back(time);
  }
  if (trace.times_.empty() || trace.times_.back() <= Duration{}) return failure("1: the trace lasts no time at all");
  return trace;
}

Duration Trace::at(std::uint64_t n) const {
  const auto cycle = static_cast<Duration::rep>(n / times_.size());
  return times_.back() * cycle + times_[n % times_.size()];
}

std::uint64_t Trace::first_from(Duration since_start) const {
  if (since_start <= Duration{}) return 0;
  const Duration length = times_.back();
  // A moment at the very end belongs to the old cycle, whose last opportunity it still meets.
  const auto cycle = (since_start.count() - 1) / length.count();
  const auto found = std::lower_bound(times_.begin(), times_.end(), since_start - length * cycle);
  return static_cast<std::uint64_t>(cycle) * times_.size() + static_cast<std::uint64_t>(found - times_.begin());
}

std::uint64_t Trace::mean_rate() const {
  const double seconds = std::chrono::duration<double>(times_.back()).count();
  return static_cast<std::uint64_t>(static_cast<double>(times_.size()) * opportunity_bytes * 8 / seconds);
}

}  // namespace linkem
