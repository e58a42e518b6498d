#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace mpquic::quic {

/// A server gives all its connection ids this length; a client uses none (RFC 9000, 5.1: zero-length), since each of
/// its connections has a socket of its own.
inline constexpr std::size_t server_id_size = 8;

/// Which of a server's workers owns a connection. The first byte of a connection id, modulo the number of workers, says
/// it, so that the kernel (io/steering.h) and we find the owner without a table.
struct WorkerSlot {
  unsigned index = 0;
  unsigned count = 1;  ///< 1..64

  /// `random` bent so that it names this worker.
  std::uint8_t mark(std::uint8_t random) const {
    const unsigned rounds = 256 / count;
    return static_cast<std::uint8_t>(random % rounds * count + index);
  }
  bool owns(std::uint8_t first_byte) const { return first_byte % count == index; }
};

}  // namespace mpquic::quic
