#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "packet/ip.h"

namespace mpquic::sim {

struct Ports {
  std::uint16_t source, destination;
};

/// An IPv4 packet (RFC 791) between the LANs of the two ends, whose transport header begins with the ports. `back`:
/// from the one that is answered.
inline std::vector<std::uint8_t> inner_packet(std::uint8_t protocol, std::size_t size, Ports ports, bool back = false) {
  constexpr std::uint32_t here = 0x0A000001, there = 0x0A000002;
  std::vector<std::uint8_t> bytes(size);
  bytes[0] = 0x45;
  store_be16(&bytes[2], static_cast<std::uint16_t>(size));
  bytes[8] = 64;
  bytes[9] = protocol;
  store_be32(&bytes[12], back ? there : here);
  store_be32(&bytes[16], back ? here : there);
  store_be16(&bytes[20], ports.source);
  store_be16(&bytes[22], ports.destination);
  return bytes;
}

}  // namespace mpquic::sim
