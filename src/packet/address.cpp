#include "packet/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

namespace mpquic::packet {
namespace {

struct AddressAndLength {
  Address address;
  std::optional<unsigned> length;
};

std::optional<AddressAndLength> parse_with_length(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return AddressAndLength{*address, std::nullopt};
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() || length > address->bits()) return std::nullopt;
  return AddressAndLength{*address, length};
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  if (text.contains('\0')) return std::nullopt;  // inet_pton() would stop there
  std::array<std::uint8_t, 16> bytes{};
  const std::string terminated(text);
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return from_bytes(Bytes(bytes).first(4));
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return from_bytes(bytes);
  return std::nullopt;
}

bool Address::is_unspecified() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool Address::is_loopback() const {
  if (is_ipv4()) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t byte) { return byte == 0; }) && bytes_[15] == 1;
}

bool Address::is_multicast() const {
  if (!is_ipv4()) return bytes_[0] == 0xff;
  return (bytes_[0] & 0xf0) == 0xe0 || load_be32(bytes_.data()) == 0xffffffff;
}

bool Address::is_link_local() const {
  if (is_ipv4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

std::string Address::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_ipv4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

Prefix::Prefix(const Address& address, unsigned length) : length_(length) {
  assert(length <= address.bits());
  std::array<std::uint8_t, 16> bytes{};
  const Bytes given = address.bytes();
  std::copy(given.begin(), given.end(), bytes.begin());
  for (unsigned bit = length; bit < address.bits(); ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] & ~(0x80u >> (bit % 8)));
  }
  address_ = Address::from_bytes(Bytes(bytes).first(given.size()));
}

Prefix Prefix::everything(Address::Family family) {
  constexpr std::array<std::uint8_t, 16> zeros{};
  return {Address::from_bytes(Bytes(zeros).first(family == Address::Family::ipv4 ? 4 : 16)), 0};
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto parsed = parse_with_length(text);
  if (!parsed) return std::nullopt;
  const Prefix prefix(parsed->address, parsed->length.value_or(parsed->address.bits()));
  if (prefix.address() != parsed->address) return std::nullopt;
  return prefix;
}

bool Prefix::contains(const Address& address) const {
  if (address.family() != address_.family()) return false;
  const Bytes ours = address_.bytes();
  const Bytes theirs = address.bytes();
  const unsigned whole = length_ / 8;
  if (std::memcmp(ours.data(), theirs.data(), whole) != 0) return false;
  const unsigned rest = length_ % 8;
  return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8 - rest)) == 0;
}

bool Prefix::contains(const Prefix& other) const { return length_ <= other.length_ && contains(other.address_); }

Address Prefix::last() const {
  std::array<std::uint8_t, 16> bytes{};
  const Bytes first = address_.bytes();
  std::copy(first.begin(), first.end(), bytes.begin());
  for (unsigned bit = length_; bit < address_.bits(); ++bit) {
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80u >> (bit % 8));
  }
  return Address::from_bytes(Bytes(bytes).first(first.size()));
}

bool Prefix::reserves(const Address& address) const {
  if (length_ + 1 >= address_.bits()) return false;
  return address == address_ || (address_.is_ipv4() && address == last());
}

std::string Prefix::to_string() const { return address_.to_string() + "/" + std::to_string(length_); }

std::optional<InterfaceAddress> InterfaceAddress::parse(std::string_view text) {
  const auto parsed = parse_with_length(text);
  if (!parsed || !parsed->length) return std::nullopt;
  return InterfaceAddress{parsed->address, *parsed->length};
}

std::string InterfaceAddress::to_string() const { return address.to_string() + "/" + std::to_string(length); }

}  // namespace mpquic::packet

std::size_t std::hash<mpquic::packet::Address>::operator()(const mpquic::packet::Address& address) const noexcept {
  const mpquic::Bytes bytes = address.bytes();
  std::uint64_t mixed = bytes.size();
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    mixed = (mixed ^ mpquic::load_be32(&bytes[i])) * 0x9e3779b97f4a7c15;
    mixed ^= mixed >> 29;
  }
  return mixed;
}
