#include "tunnel/sequence_header.h"
namespace mpquic::tunnel {
void write(const SequenceHeader& header, std::span<std::uint8_t, sequence_header_size> bytes) {
  store_be16(bytes.data(), static_cast<std::uint16_t>(header.ordered << 15 | header.copy << 14 | header.flow));
  store_be32(bytes.data() + 2, header.sequence);
  store_be32(bytes.data() + 6, header.path_sequence);
  store_be32(bytes.data() + 10, header.sent_at);
}
}
