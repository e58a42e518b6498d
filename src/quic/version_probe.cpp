#include "quic/version_probe.h"

#include <algorithm>
#include <cassert>

namespace mpquic::quic {
namespace {

// RFC 9000, 17.2: first byte, version, length of the destination id, that id, length of the source id, that id.
constexpr std::size_t id_size = 8;
constexpr std::size_t destination_at = 6;
constexpr std::size_t source_at = destination_at + id_size + 1;
constexpr std::size_t header_size = source_at + id_size;
constexpr std::uint8_t reserved_version = 0x1a;  // 0x?a?a?a?a: RFC 9000, 15
constexpr std::size_t smallest_reset = 21;       // RFC 9000, 10.3

using Id = std::array<std::uint8_t, id_size>;

// The first six bytes of the nonce, and the size of the packet.
Id source_id(const Id& nonce, std::size_t size) {
  Id id = nonce;
  id[6] = static_cast<std::uint8_t>(size >> 8);
  id[7] = static_cast<std::uint8_t>(size);
  return id;
}

}  // namespace

void VersionProbe::write(MutableBytes packet) const {
  assert(packet.size() >= smallest && packet.size() <= 0xffff);
  std::ranges::fill(packet, std::uint8_t{0});
  packet[0] = 0xc0;
  std::ranges::fill(packet.subspan(1, 4), reserved_version);
  packet[destination_at - 1] = id_size;
  std::ranges::copy(nonce_, packet.begin() + destination_at);
  packet[source_at - 1] = id_size;
  std::ranges::copy(source_id(nonce_, packet.size()), packet.begin() + source_at);
}

// RFC 9000, 17.2.1: version 0, the ids changed round, then the versions.
std::optional<std::size_t> VersionProbe::answered(Bytes payload) const {
  if (payload.size() < header_size || (payload[0] & 0x80) == 0) return std::nullopt;
  if (std::ranges::any_of(payload.subspan(1, 4), [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
  if (payload[destination_at - 1] != id_size || payload[source_at - 1] != id_size) return std::nullopt;
  const Bytes mine = payload.subspan(destination_at, id_size);
  const std::size_t size = static_cast<std::size_t>(mine[6]) << 8 | mine[7];
  if (!std::ranges::equal(mine, source_id(nonce_, size))) return std::nullopt;
  if (!std::ranges::equal(payload.subspan(source_at, id_size), nonce_)) return std::nullopt;
  return size;
}

void VersionProbe::write_stray(MutableBytes packet) const {
  assert(packet.size() > smallest_reset);
  std::ranges::fill(packet, std::uint8_t{0});
  packet[0] = 0x40;
  std::ranges::copy(nonce_, packet.begin() + 1);
}

bool VersionProbe::may_be_reset(Bytes payload) {
  return payload.size() >= smallest_reset && (payload[0] & 0xc0) == 0x40;
}

}  // namespace mpquic::quic
