#include "tunnel/sequence_header.h"

namespace mpquic::tunnel {
namespace {

constexpr std::uint16_t ordered_bit = 1 << 15;
constexpr std::uint16_t copy_bit = 1 << 14;

}  // namespace

void write(const SequenceHeader& header, std::span<std::uint8_t, sequence_header_size> bytes) {
  const int first = header.flow | (header.ordered ? ordered_bit : 0) | (header.copy ? copy_bit : 0);
  store_be16(&bytes[0], static_cast<std::uint16_t>(first));
  store_be32(&bytes[2], header.sequence);
  store_be32(&bytes[6], header.path_sequence);
  store_be32(&bytes[10], header.sent_at);
}

std::optional<SequencedPacket> parse_sequenced(Bytes bytes) {
  if (bytes.size() <= sequence_header_size) return std::nullopt;
  const std::uint16_t first = load_be16(&bytes[0]);
  return SequencedPacket{{.ordered = (first & ordered_bit) != 0,
                          .copy = (first & copy_bit) != 0,
                          .flow = static_cast<std::uint16_t>(first & (copy_bit - 1)),
                          .sequence = load_be32(&bytes[2]),
                          .path_sequence = load_be32(&bytes[6]),
                          .sent_at = load_be32(&bytes[10])},
                         bytes.subspan(sequence_header_size)};
}

}  // namespace mpquic::tunnel
