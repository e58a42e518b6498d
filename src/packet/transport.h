#pragma once

#include <cstddef>
#include <cstdint>

/// Where things are in the TCP header (RFC 9293 3.1) and the UDP header (RFC 768).
namespace mpquic::packet::tcp {

inline constexpr std::size_t header_size_min = 20;
inline constexpr std::size_t checksum_at = 16;

/// Flags, in byte 13.
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t cwr = 0x80;  // RFC 3168 6.1

/// With its options; `header` has header_size_min bytes or more. Not yet checked against anything.
inline std::size_t header_size(const std::uint8_t* header) { return std::size_t{header[12]} >> 4 << 2; }

}  // namespace mpquic::packet::tcp

namespace mpquic::packet::udp {

inline constexpr std::size_t header_size = 8;
inline constexpr std::size_t checksum_at = 6;

}  // namespace mpquic::packet::udp
