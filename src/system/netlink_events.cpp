#include "system/netlink_events.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace mpquic::system {
namespace {

constexpr std::size_t receive_size = std::size_t{64} << 10;
// A routing daemon that replaces a table sends thousands of events at once.
constexpr int socket_buffer = 1 << 20;

}  // namespace

Result<NetlinkEvents> NetlinkEvents::open(std::initializer_list<int> groups, int bus) {
  NetlinkEvents events;
  events.buffer_.resize(receive_size);
  events.socket_.reset(mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!events.socket_) return os_failure("open a netlink socket for events");
  if (mnl_socket_bind(events.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return os_failure("bind a netlink socket for events");
  }
  // A smaller buffer means an overrun sooner, which is survived: no error.
  setsockopt(events.fd(), SOL_SOCKET, SO_RCVBUFFORCE, &socket_buffer, sizeof socket_buffer);
  for (int group : groups) {
    if (mnl_socket_setsockopt(events.socket_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
      return os_failure("subscribe to netlink group {}", group);
    }
  }
  return events;
}

Result<NetlinkEvents::Drained> NetlinkEvents::read(const std::function<void(const Message&)>& visit) {
  Drained drained = Drained::all;
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return drained;
    if (size < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
      drained = Drained::overrun;
      continue;
    }
    if (size < 0) return os_failure("receive netlink events");
    Bytes received = Bytes(buffer_).first(static_cast<std::size_t>(size));
    while (const auto message = next_message(received)) {
      if (message->type >= NLMSG_MIN_TYPE) visit(*message);
    }
  }
}

}  // namespace mpquic::system
