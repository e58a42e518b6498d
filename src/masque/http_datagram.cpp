#include "masque/http_datagram.h"

#include <cassert>

namespace mpquic::masque {

std::optional<HttpDatagram> parse_http_datagram(Bytes quic_datagram) {
  constexpr std::uint64_t quarter_max = varint_max / 4;
  const auto quarter = read_varint(quic_datagram);
  if (!quarter || quarter->value > quarter_max) return std::nullopt;
  return HttpDatagram{quarter->value * 4, quic_datagram.subspan(quarter->size)};
}

std::optional<IpDatagram> parse_ip_datagram(Bytes payload) {
  const auto context = read_varint(payload);
  if (!context) return std::nullopt;
  return IpDatagram{context->value, payload.subspan(context->size)};
}

DatagramPrefix::DatagramPrefix(std::uint64_t stream, std::uint64_t context) {
  assert(stream % 4 == 0);  // requests have client-initiated bidirectional streams
  size_ = write_varint(bytes_, stream / 4);
  size_ += write_varint(MutableBytes(bytes_).subspan(size_), context);
}

}  // namespace mpquic::masque
