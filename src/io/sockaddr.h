#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "packet/socket_address.h"

namespace mpquic::io {

/// `ipv6`: for an AF_INET6 socket, where an IPv4 address is written as a mapped one (RFC 4291, 2.5.5.2).
socklen_t to_sockaddr(const packet::SocketAddress& address, bool ipv6, sockaddr_storage& out);
/// Mapped IPv4 addresses come back as IPv4.
packet::SocketAddress from_sockaddr(const sockaddr_storage& address);
packet::Address from_in6(const in6_addr& address);
in6_addr to_in6(const packet::Address& address);

}  // namespace mpquic::io
