#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mpquic {

/// Why a packet or datagram went no further. The name is the label of mpquic_packets_dropped_total{reason=...}.
enum class Drop : std::uint8_t {
  malformed,           ///< inner bytes that are no IPv4 or IPv6 packet
  no_route,            ///< no session for this destination
  no_path,             ///< the session has no connection that is up
  foreign_source,      ///< inner source that the sending peer does not own
  not_registered,      ///< datagram of a connection that has no tunnel address yet and can't get one from this
  unknown_tunnel,      ///< HTTP datagram of a request that is not, or no longer, there
  unknown_context,     ///< HTTP datagram with a context id that was not agreed on (RFC 9484, 5)
  out_of_scope,        ///< outside of what a CONNECT-IP request was limited to (RFC 9484, 4.6)
  between_clients,     ///< from one client to another, which the configuration does not allow
  duplicate,           ///< came before, over another path or as a repair
  superseded,          ///< datagram of a connection whose tunnel address a newer one has taken
  too_big,             ///< does not fit the path; answered with ICMP
  queue_full,          ///< over the byte limit of a session's queue
  queue_delay,         ///< dropped by CoDel, RFC 8289
  buffers_exhausted,   ///< no packet buffer was free
  tun_write,           ///< the kernel refused a write to the TUN device
  tun_read,            ///< what the TUN device gave could not be understood
  udp_send,            ///< the kernel refused a UDP send
  udp_garbage,         ///< UDP payload that is no QUIC packet
  unknown_connection,  ///< QUIC packet of no connection known here
  bad_packet,          ///< QUIC packet that its connection refused
  version,             ///< QUIC version that nobody here speaks
  half_open_limit,     ///< Initial over the cap on half-open connections
  source_limit,        ///< Initial over what one source may have half open
  bad_token,           ///< Initial with a Retry token that is not ours, or too old
  count_,
};

inline constexpr std::size_t drop_count = static_cast<std::size_t>(Drop::count_);

std::string_view name(Drop reason);

/// Counted by one thread, read by the same (other threads ask it by message).
class DropCounters {
 public:
  void count(Drop reason, std::uint64_t packets = 1) { counts_[static_cast<std::size_t>(reason)] += packets; }
  std::uint64_t operator[](Drop reason) const { return counts_[static_cast<std::size_t>(reason)]; }
  DropCounters& operator+=(const DropCounters& other) {
    for (std::size_t i = 0; i < drop_count; ++i) counts_[i] += other.counts_[i];
    return *this;
  }

 private:
  std::array<std::uint64_t, drop_count> counts_{};
};

}  // namespace mpquic
