#include "packet/ip.h"

#include <cstring>

namespace mpquic::packet {
namespace {

// IPv6 extension headers (RFC 8200 4, RFC 4302, RFC 6275, RFC 7401, RFC 5533). ESP is not one of them here: behind it
// everything is encrypted.
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t authentication = 51;
constexpr std::uint8_t destination_options = 60;
constexpr std::uint8_t mobility = 135;
constexpr std::uint8_t host_identity = 139;
constexpr std::uint8_t shim6 = 140;

constexpr std::uint8_t sctp = 132;
constexpr std::uint8_t dccp = 33;
constexpr std::uint8_t udp_lite = 136;

bool begins_with_ports(std::uint8_t number) {
  return number == protocol::tcp || number == protocol::udp || number == sctp || number == dccp || number == udp_lite;
}

std::uint64_t load_native(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

/// Every bit of `word` reaches every bit of the result (the finalizer of MurmurHash3 by A. Appleby, public domain).
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ word >> 33) * 0xff51afd7ed558ccd;
  word = (word ^ word >> 33) * 0xc4ceb9fe1a85ec53;
  return word ^ word >> 33;
}

}  // namespace

std::optional<IpView> IpView::parse_front(Bytes front, std::size_t total_size) {
  if (front.empty() || front.size() > total_size) return std::nullopt;
  IpView view(front);
  const unsigned version = front[0] >> 4;
  if (version == 4 && view.walk_ipv4(total_size)) return view;
  if (version == 6 && view.walk_ipv6(total_size)) return view;
  return std::nullopt;
}

bool IpView::walk_ipv4(std::size_t total_size) {
  if (bytes_.size() < ipv4_header_size) return false;
  header_size_ = static_cast<std::uint16_t>((bytes_[0] & 0xf) * 4);
  if (header_size_ < ipv4_header_size || header_size_ > bytes_.size() || load_be16(&bytes_[2]) != total_size) {
    return false;
  }
  const std::uint16_t flags_and_offset = load_be16(&bytes_[6]);
  is_fragment_ = (flags_and_offset & 0x3fff) != 0;
  is_later_fragment_ = (flags_and_offset & 0x1fff) != 0;
  protocol_ = bytes_[9];
  return true;
}

bool IpView::walk_ipv6(std::size_t total_size) {
  if (bytes_.size() < ipv6_header_size || load_be16(&bytes_[4]) + ipv6_header_size != total_size) return false;
  protocol_ = bytes_[6];
  std::size_t at = ipv6_header_size;
  while (!is_later_fragment_) {
    std::size_t size = 0;
    if (protocol_ == hop_by_hop || protocol_ == routing || protocol_ == fragment || protocol_ == authentication ||
        protocol_ == destination_options || protocol_ == mobility || protocol_ == host_identity || protocol_ == shim6) {
      if (bytes_.size() - at < 8) return false;
      if (protocol_ == fragment) {
        size = 8;
        const std::uint16_t offset_and_more = load_be16(&bytes_[at + 2]);
        // An atomic fragment (offset 0, no more to come) is a whole packet, RFC 6946.
        is_fragment_ |= (offset_and_more & 0xfff9) != 0;
        is_later_fragment_ = (offset_and_more & 0xfff8) != 0;
      } else {
        size = protocol_ == authentication ? (bytes_[at + 1] + 2u) * 4 : (bytes_[at + 1] + 1u) * 8;
      }
    } else {
      break;
    }
    if (size > bytes_.size() - at) return false;
    protocol_ = bytes_[at];
    at += size;
  }
  header_size_ = static_cast<std::uint16_t>(at);
  return true;
}

Address IpView::source() const {
  return Address::from_bytes(is_ipv4() ? bytes_.subspan(12, 4) : bytes_.subspan(8, 16));
}

Address IpView::destination() const {
  return Address::from_bytes(is_ipv4() ? bytes_.subspan(16, 4) : bytes_.subspan(24, 16));
}

std::optional<Address> source_of(Bytes packet) {
  if (packet.size() < ipv4_header_size) return std::nullopt;
  if (packet[0] >> 4 == 4) return Address::from_bytes(packet.subspan(12, 4));
  if (packet[0] >> 4 != 6 || packet.size() < ipv6_header_size) return std::nullopt;
  return Address::from_bytes(packet.subspan(8, 16));
}

std::optional<Address> destination_of(Bytes packet) {
  if (packet.size() < ipv4_header_size) return std::nullopt;
  if (packet[0] >> 4 == 4) return Address::from_bytes(packet.subspan(16, 4));
  if (packet[0] >> 4 != 6 || packet.size() < ipv6_header_size) return std::nullopt;
  return Address::from_bytes(packet.subspan(24, 16));
}

std::uint32_t flow_hash(Bytes packet) {
  const auto view = IpView::parse(packet);
  if (!view) return 0;
  std::uint64_t state = view->protocol();
  if (begins_with_ports(view->protocol()) && !view->is_fragment() && view->transport().size() >= 4) {
    state |= std::uint64_t{load_be32(view->transport().data())} << 8;
  }
  const std::size_t addresses_at = view->is_ipv4() ? 12 : 8;
  const std::size_t addresses_size = view->is_ipv4() ? 8 : 32;
  for (std::size_t i = 0; i < addresses_size; i += 8) state = mix(state) + load_native(&packet[addresses_at + i]);
  return static_cast<std::uint32_t>(mix(state) >> 32);
}

}  // namespace mpquic::packet
