#pragma once

#include <vector>

#include "base/result.h"
#include "daemon/server_port.h"

namespace mpquic::daemon {

/// The sockets of `workers` workers for one address, in their order, packets steered to them by connection id. When
/// the address is taken, the error says by which process.
Result<std::vector<ServerSockets>> listen(const packet::SocketAddress& address, unsigned workers);

}  // namespace mpquic::daemon
