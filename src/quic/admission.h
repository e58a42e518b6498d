#pragma once

#include <cstddef>
#include <unordered_map>

#include "base/drop.h"
#include "base/time.h"
#include "base/token_bucket.h"
#include "packet/address.h"

namespace mpquic::quic {

struct AdmissionLimits {
  std::size_t half_open = 1024;  ///< handshakes under way, all sources
  std::size_t retry_above = 64;  ///< so many under way: addresses must be proved first
  double unproved_rate = 30;     ///< handshakes a second begun for addresses not proved
  double unproved_burst = 100;
  double retry_rate = 5000;  ///< Retry packets a second; each costs 5 us
  double source_rate = 30;   ///< handshakes a second of one source, proved or not
  double source_burst = 200;
  std::size_t sources = 4096;  ///< remembered
};

/// Decides which Initials become handshakes, so that a flood of them can't take the CPU from the tunnels that stand: a
/// handshake costs as much as 500 data packets. RFC 9000, 8.1.2 (Retry) and 21.
class Admission {
 public:
  enum class Verdict : std::uint8_t { accept, retry, over_half_open_limit, over_source_limit };

  explicit Admission(const AdmissionLimits& limits);

  /// An Initial came from `source`, which a Retry token has proved or not. Accepted: counts as half open.
  Verdict decide(const packet::Address& source, bool proved, Instant now);
  /// A handshake that was accepted has come to its end, good or bad.
  void finished() { --half_open_; }
  std::size_t half_open() const { return half_open_; }

 private:
  bool within_source_limit(const packet::Address& source, Instant now);

  AdmissionLimits limits_;
  std::size_t half_open_ = 0;
  TokenBucket unproved_;
  TokenBucket retries_;
  std::unordered_map<packet::Address, TokenBucket> sources_;
};

}  // namespace mpquic::quic
