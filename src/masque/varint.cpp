#include "masque/varint.h"

#include <array>
#include <bit>
#include <cassert>

namespace mpquic::masque {

std::optional<Varint> read_varint(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  const std::size_t size = std::size_t{1} << (bytes[0] >> 6);
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = bytes[0] & 0x3f;
  for (const std::uint8_t byte : bytes.subspan(1, size - 1)) value = value << 8 | byte;
  return Varint{value, size};
}

std::size_t varint_size(std::uint64_t value) {
  assert(value <= varint_max);
  if (value < 1 << 6) return 1;
  if (value < 1 << 14) return 2;
  return value < 1 << 30 ? 4 : 8;
}

std::size_t write_varint(MutableBytes to, std::uint64_t value) {
  const std::size_t size = varint_size(value);
  for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<std::uint8_t>(value >> 8 * (size - 1 - i));
  to[0] |= static_cast<std::uint8_t>(std::countr_zero(size) << 6);
  return size;
}

void append_varint(std::vector<std::uint8_t>& to, std::uint64_t value) {
  std::array<std::uint8_t, varint_size_max> bytes;
  const std::size_t size = write_varint(bytes, value);
  to.insert(to.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
}

}  // namespace mpquic::masque
