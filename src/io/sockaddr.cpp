#include "io/sockaddr.h"

#include <cstring>

namespace mpquic::io {

in6_addr to_in6(const packet::Address& address) {
  in6_addr result{};
  const Bytes bytes = address.bytes();
  if (address.is_ipv4()) {
    result.s6_addr[10] = result.s6_addr[11] = 0xff;
    std::memcpy(&result.s6_addr[12], bytes.data(), 4);
  } else {
    std::memcpy(result.s6_addr, bytes.data(), 16);
  }
  return result;
}

packet::Address from_in6(const in6_addr& address) {
  return IN6_IS_ADDR_V4MAPPED(&address) ? packet::Address::from_bytes({&address.s6_addr[12], 4})
                                        : packet::Address::from_bytes({address.s6_addr, 16});
}

socklen_t to_sockaddr(const packet::SocketAddress& address, bool ipv6, sockaddr_storage& out) {
  out = {};
  if (ipv6) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(address.port);
    in6.sin6_addr = address.address.is_unspecified() ? in6_addr{} : to_in6(address.address);
    std::memcpy(&out, &in6, sizeof in6);
    return sizeof in6;
  }
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(address.port);
  std::memcpy(&in.sin_addr, address.address.bytes().data(), 4);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

packet::SocketAddress from_sockaddr(const sockaddr_storage& address) {
  packet::SocketAddress result;
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    result.address = packet::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&in.sin_addr), 4});
    result.port = ntohs(in.sin_port);
  } else {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &address, sizeof in6);
    result.address = from_in6(in6.sin6_addr);
    result.port = ntohs(in6.sin6_port);
  }
  return result;
}

}  // namespace mpquic::io
