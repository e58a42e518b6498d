#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "masque/varint.h"

namespace mpquic::masque {

/// What a QUIC DATAGRAM frame carries on an HTTP/3 connection (RFC 9297, 2.1). Does not own the bytes.
struct HttpDatagram {
  std::uint64_t stream = 0;  ///< the id of the request's stream: four times what is on the wire
  Bytes payload;
};

/// nullopt: the connection is to be closed with H3_DATAGRAM_ERROR.
std::optional<HttpDatagram> parse_http_datagram(Bytes quic_datagram);

/// Context ids (RFC 9484, 5). The even ones are the client's to register, which the header field mpquic-session does:
/// in a tunnel that is no path of a session, only the first means anything.
inline constexpr std::uint64_t ip_context = 0;         ///< a whole IP packet
inline constexpr std::uint64_t sequenced_context = 2;  ///< an IP packet behind a tunnel::SequenceHeader
inline constexpr std::uint64_t probe_context = 4;      ///< of a path: nothing to deliver

/// The payload of an HTTP datagram, or of a DATAGRAM capsule, that belongs to a CONNECT-IP request (RFC 9484, 6).
struct IpDatagram {
  std::uint64_t context = ip_context;
  Bytes payload;
};

/// nullopt: it ends within the context id. RFC 9484 has no error for that: drop it.
std::optional<IpDatagram> parse_ip_datagram(Bytes payload);

/// What stands before the payload in a QUIC DATAGRAM frame: the quarter stream id and the context id. Made once for all
/// packets of a tunnel.
class DatagramPrefix {
 public:
  explicit DatagramPrefix(std::uint64_t stream, std::uint64_t context = ip_context);
  /// At most 16.
  Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 2 * varint_size_max> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace mpquic::masque
