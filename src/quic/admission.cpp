#include "quic/admission.h"

namespace mpquic::quic {

Admission::Admission(const AdmissionLimits& limits)
    : limits_(limits),
      unproved_(limits.unproved_rate, limits.unproved_burst),
      retries_(limits.retry_rate, limits.retry_rate) {}

Admission::Verdict Admission::decide(const packet::Address& source, bool proved, Instant now) {
  if (half_open_ >= limits_.half_open) return Verdict::over_half_open_limit;
  if (!proved && (half_open_ >= limits_.retry_above || !unproved_.take(now))) {
    return retries_.take(now) ? Verdict::retry : Verdict::over_half_open_limit;
  }
  if (!within_source_limit(source, now)) return Verdict::over_source_limit;
  ++half_open_;
  return Verdict::accept;
}

bool Admission::within_source_limit(const packet::Address& source, Instant now) {
  // One IPv6 customer has a /64 at the least.
  const packet::Address key = source.is_ipv4() ? source : packet::Prefix(source, 64).address();
  if (const auto known = sources_.find(key); known != sources_.end()) return known->second.take(now);
  if (sources_.size() >= limits_.sources) {
    std::erase_if(sources_, [now](const auto& entry) { return entry.second.full(now); });
    if (sources_.size() >= limits_.sources) return false;
  }
  return sources_.emplace(key, TokenBucket(limits_.source_rate, limits_.source_burst)).first->second.take(now);
}

}  // namespace mpquic::quic
