#pragma once

#include <span>

#include "base/result.h"

namespace mpquic::io {

/// Has the kernel choose among the sockets of a SO_REUSEPORT group by QUIC connection id, wherever a packet comes from:
/// a client that changes its address stays with its worker. `fd` is any socket of a group of 2 x workers sockets, in
/// the order in which they were bound: sockets 0..workers-1 get packets with a short header, the sockets behind them
/// those with a long header (handshakes), each by the connection id's first byte modulo `workers` (quic::WorkerSlot).
///
/// Handshakes have sockets of their own so that a flood of them fills no established tunnel's receive buffer.
Result<void> steer_by_connection_id(int fd, unsigned workers);

}  // namespace mpquic::io
