#pragma once

#include <netinet/in.h>
#include <ngtcp2/ngtcp2.h>

#include "packet/socket_address.h"

namespace mpquic::quic {

/// A socket address in the form that ngtcp2 takes; no socket is involved.
class SockAddr {
 public:
  explicit SockAddr(const packet::SocketAddress& address);

  ngtcp2_addr view() { return {&storage_.generic, size_}; }

 private:
  union {
    sockaddr generic;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
  } storage_{};
  ngtcp2_socklen size_ = 0;
};

/// From what ngtcp2 hands out; an IPv4 or IPv6 address.
packet::SocketAddress socket_address(const ngtcp2_addr& address);

}  // namespace mpquic::quic
