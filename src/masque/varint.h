#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace mpquic::masque {

/// A variable-length integer (RFC 9000, 16): the two highest bits of the first byte say whether it takes 1, 2, 4 or 8.
struct Varint {
  std::uint64_t value = 0;
  std::size_t size = 0;  ///< bytes read; need not be the fewest possible
};

inline constexpr std::uint64_t varint_max = (1ULL << 62) - 1;
inline constexpr std::size_t varint_size_max = 8;

/// What `bytes` begin with; nullopt: they end within it.
std::optional<Varint> read_varint(Bytes bytes);

/// The fewest bytes that hold `value`, which is varint_max at most.
std::size_t varint_size(std::uint64_t value);
/// Writes those bytes, for which there is room; returns their number.
std::size_t write_varint(MutableBytes to, std::uint64_t value);
void append_varint(std::vector<std::uint8_t>& to, std::uint64_t value);

}  // namespace mpquic::masque
