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

/// The payload of an HTTP datagram, or of a DATAGRAM capsule, that belongs to a CONNECT-IP request (RFC 9484, 6).
struct IpDatagram {
  std::uint64_t context = 0;  ///< 0: the payload is a whole IP packet
  Bytes payload;
};

/// nullopt: it ends within the context id. RFC 9484 has no error for that: drop it.
std::optional<IpDatagram> parse_ip_datagram(Bytes payload);

/// What stands before an IP packet in a QUIC DATAGRAM frame: the quarter stream id and the context id. Made once for
/// all packets of a tunnel.
class DatagramPrefix {
 public:
  explicit DatagramPrefix(std::uint64_t stream, std::uint64_t context = 0);
  /// At most 16.
  Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 2 * varint_size_max> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace mpquic::masque
