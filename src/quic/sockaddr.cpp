#include "quic/sockaddr.h"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace mpquic::quic {

SockAddr::SockAddr(const packet::SocketAddress& address) {
  const Bytes bytes = address.address.bytes();
  if (address.address.is_ipv4()) {
    storage_.ipv4.sin_family = AF_INET;
    storage_.ipv4.sin_port = htons(address.port);
    std::memcpy(&storage_.ipv4.sin_addr, bytes.data(), bytes.size());
    size_ = sizeof storage_.ipv4;
  } else {
    storage_.ipv6.sin6_family = AF_INET6;
    storage_.ipv6.sin6_port = htons(address.port);
    std::memcpy(&storage_.ipv6.sin6_addr, bytes.data(), bytes.size());
    size_ = sizeof storage_.ipv6;
  }
}

packet::SocketAddress socket_address(const ngtcp2_addr& address) {
  packet::SocketAddress result;
  if (address.addr->sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, address.addr, sizeof ipv4);
    result.address = packet::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&ipv4.sin_addr), 4});
    result.port = ntohs(ipv4.sin_port);
  } else {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, address.addr, sizeof ipv6);
    result.address = packet::Address::from_bytes({ipv6.sin6_addr.s6_addr, 16});
    result.port = ntohs(ipv6.sin6_port);
  }
  return result;
}

}  // namespace mpquic::quic
