#pragma once

#include <array>
#include <cassert>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mpquic::packet {

/// An IPv4 or IPv6 address. IPv4 is kept as itself, not as a mapped IPv6 address.
class Address {
 public:
  enum class Family : std::uint8_t { ipv4 = 4, ipv6 = 6 };

  Address() = default;  ///< 0.0.0.0
  /// From 4 or 16 bytes in network order; any other size is a bug.
  static Address from_bytes(Bytes bytes) {
    assert(bytes.size() == 4 || bytes.size() == 16);
    Address address;
    address.family_ = bytes.size() == 4 ? Family::ipv4 : Family::ipv6;
    std::memcpy(address.bytes_.data(), bytes.data(), bytes.size());
    return address;
  }
  static std::optional<Address> parse(std::string_view text);

  Family family() const { return family_; }
  bool is_ipv4() const { return family_ == Family::ipv4; }
  /// 4 or 16 bytes, network order.
  Bytes bytes() const { return Bytes(bytes_).first(is_ipv4() ? 4 : 16); }
  /// Bits in an address of this family: 32 or 128.
  unsigned bits() const { return is_ipv4() ? 32 : 128; }

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;  ///< and the IPv4 limited broadcast
  bool is_link_local() const;

  std::string to_string() const;

  auto operator<=>(const Address&) const = default;

 private:
  Family family_ = Family::ipv4;
  std::array<std::uint8_t, 16> bytes_{};  ///< beyond bits() all zero, so that comparison needs no case
};

/// Addresses that share their first length() bits. The bits beyond are zero.
class Prefix {
 public:
  Prefix() = default;  ///< 0.0.0.0/0
  /// The prefix of this length that holds `address`; length must not exceed address.bits().
  Prefix(const Address& address, unsigned length);
  /// A host route: /32 or /128.
  explicit Prefix(const Address& address) : Prefix(address, address.bits()) {}
  /// 0.0.0.0/0 or ::/0.
  static Prefix everything(Address::Family family);
  /// "10.0.0.0/8" or a bare address (a host). Host bits that are set are an error: nullopt.
  static std::optional<Prefix> parse(std::string_view text);

  const Address& address() const { return address_; }
  unsigned length() const { return length_; }
  bool is_host() const { return length_ == address_.bits(); }
  bool contains(const Address& address) const;
  bool contains(const Prefix& other) const;
  /// The highest address that it holds.
  Address last() const;
  /// Whether the address is one that no host of this network has: the network's own and, of IPv4, the broadcast
  /// address. A network of two hosts has neither (RFC 3021, RFC 6164).
  bool reserves(const Address& address) const;
  bool overlaps(const Prefix& other) const { return contains(other) || other.contains(*this); }

  std::string to_string() const;

  auto operator<=>(const Prefix&) const = default;

 private:
  Address address_;
  unsigned length_ = 0;
};

/// An interface's own address with the length of its network: "10.200.15.1/24".
struct InterfaceAddress {
  Address address;
  unsigned length = 0;

  static std::optional<InterfaceAddress> parse(std::string_view text);  ///< the "/length" must be there
  Prefix network() const { return Prefix(address, length); }
  std::string to_string() const;
  auto operator<=>(const InterfaceAddress&) const = default;
};

}  // namespace mpquic::packet

template <>
struct std::hash<mpquic::packet::Address> {
  std::size_t operator()(const mpquic::packet::Address& address) const noexcept;
};
