#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace mpquic::quic {

/// Notices that a path has stopped carrying large packets (RFC 8899, 4.3, black hole detection) and caps the size of
/// what is sent; ngtcp2 finds the path MTU upwards (RFC 8899, 5.3) but never takes it back.
///
/// Large datagrams lost, none acknowledged, is only a suspicion: an outage looks the same. It becomes a finding when
/// datagrams sent after the suspicion arose are lost too while smaller packets get through.
///
///   clear --lost x4--> suspicious --lost, sent since, x2--> suspicious, capped
///   a large datagram acknowledged --> clear;  10 min under a cap --> one step higher
class PathMtu {
 public:
  static constexpr std::size_t no_cap = SIZE_MAX;
  /// RFC 8899, 5.1.1: PMTU_RAISE_TIMER.
  static constexpr Duration raise_after = std::chrono::minutes(10);

  /// UDP payload bytes that a packet may have; no_cap: whatever path MTU discovery has found.
  std::size_t cap() const { return cap_; }

  /// A datagram of `size` bytes, the `number`th sent on this path, was acknowledged.
  void acknowledged(std::size_t size);
  /// It was lost. `last_sent`: number of the newest datagram. True: the cap has changed.
  bool lost(std::size_t size, std::uint64_t number, std::uint64_t last_sent, Instant now);
  /// When on_deadline() may raise the cap.
  Instant deadline() const { return raise_at_; }
  void on_deadline(Instant now);

 private:
  void clear();
  void lower(Instant now);

  std::size_t cap_ = no_cap;
  std::size_t failing_ = no_cap;  ///< the smallest large datagram that was lost
  unsigned losses_ = 0;
  std::uint64_t suspicious_since_ = 0;  ///< number of the newest datagram then; 0: not suspicious
  Instant raise_at_ = never;
};

}  // namespace mpquic::quic
