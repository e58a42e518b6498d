#include "daemon/listen.h"

#include "io/steering.h"
#include "system/process_holder.h"

namespace mpquic::daemon {
namespace {

// Handshakes need little; what a flood of them may occupy is to be small.
constexpr int handshake_buffer = 512 << 10;

}  // namespace

Result<std::vector<ServerSockets>> listen(const packet::SocketAddress& address, unsigned workers) {
  // With SO_REUSEPORT a second mpquic would get half of the packets instead of an error: ask without it first.
  if (auto alone = io::UdpSocket::open({.bind = address}); !alone) {
    if (const auto holder = system::holder_of_udp_port(address)) {
      return failure("{} is in use by {}", address.to_string(), holder->to_string());
    }
    return std::unexpected(alone.error());
  }
  // In the order that steering counts on: first all for data, then all for handshakes.
  std::vector<io::UdpSocket> opened;
  for (unsigned i = 0; i < 2 * workers; ++i) {
    io::UdpOptions options{.bind = address, .share_port = true};
    if (i >= workers) options.receive_buffer = handshake_buffer;
    auto socket = io::UdpSocket::open(options);
    if (!socket) return std::unexpected(socket.error());
    opened.push_back(std::move(*socket));
  }
  if (auto steered = io::steer_by_connection_id(opened.front().fd(), workers); !steered) {
    return std::unexpected(steered.error());
  }
  std::vector<ServerSockets> sockets;
  for (unsigned i = 0; i < workers; ++i) {
    sockets.push_back({std::move(opened[i]), std::move(opened[workers + i])});
  }
  return sockets;
}

}  // namespace mpquic::daemon
