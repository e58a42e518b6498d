#pragma once
#include <cstdint>
#include <span>
#include "base/bytes.h"
namespace mpquic::tunnel {
struct SequenceHeader {
  bool ordered = false;
  bool copy = false;
  std::uint16_t flow = 0;
  std::uint32_t sequence = 0, path_sequence = 0, sent_at = 0;
};
inline constexpr std::size_t sequence_header_size = 14;
void write(const SequenceHeader& header, std::span<std::uint8_t, sequence_header_size> bytes);
}
