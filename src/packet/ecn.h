#pragma once

#include <cstdint>

namespace mpquic::packet {

/// Makes the IP header at `ip` Congestion Experienced (RFC 3168 5); a checksum is the caller's to mend. False: the
/// sender does not take part in ECN, nothing was changed.
inline bool set_congestion_experienced(std::uint8_t* ip) {
  // The two bits end the traffic class: in IPv6 that is four bits further left than in IPv4.
  const unsigned shift = ip[0] >> 4 == 4 ? 0 : 4;
  if ((ip[1] >> shift & 3) == 0) return false;
  ip[1] = static_cast<std::uint8_t>(ip[1] | 3u << shift);
  return true;
}

}  // namespace mpquic::packet
