#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "packet/address.h"

namespace mpquic::packet {

/// IANA's numbers of the protocols that mpquic looks into.
namespace protocol {
inline constexpr std::uint8_t icmp = 1;
inline constexpr std::uint8_t tcp = 6;
inline constexpr std::uint8_t udp = 17;
inline constexpr std::uint8_t icmpv6 = 58;
}  // namespace protocol

inline constexpr std::size_t ipv4_header_size = 20;  ///< without options
inline constexpr std::size_t ipv6_header_size = 40;  ///< without extension headers

/// A look at one whole IP packet (RFC 791, RFC 8200) whose headers have been checked to lie inside it. Does not own the
/// bytes. Checksums are not verified.
class IpView {
 public:
  /// nullopt: no IP packet, or its total length is not the number of bytes given. Jumbograms (RFC 2675) are none.
  static std::optional<IpView> parse(Bytes packet) { return parse_front(packet, packet.size()); }
  /// As parse(), of the first bytes of a packet of `total_size` bytes; all its IP headers must be among them.
  static std::optional<IpView> parse_front(Bytes front, std::size_t total_size);

  bool is_ipv4() const { return bytes_[0] >> 4 == 4; }
  Address source() const;
  Address destination() const;
  /// The header with its options (IPv4) or extension headers (IPv6): where the transport begins.
  std::size_t header_size() const { return header_size_; }
  bool has_options() const { return header_size_ != (is_ipv4() ? ipv4_header_size : ipv6_header_size); }
  /// What follows the IP headers. In a fragment that is not the first: what followed them in the whole packet.
  std::uint8_t protocol() const { return protocol_; }
  bool is_fragment() const { return is_fragment_; }
  /// The transport header of a fragment is in the first one only.
  bool is_later_fragment() const { return is_later_fragment_; }
  /// All that was given behind the IP headers. In a later fragment it does not begin with a transport header.
  Bytes transport() const { return bytes_.subspan(header_size_); }

 private:
  explicit IpView(Bytes bytes) : bytes_(bytes) {}
  bool walk_ipv4(std::size_t total_size);
  bool walk_ipv6(std::size_t total_size);

  Bytes bytes_;
  std::uint16_t header_size_ = 0;
  std::uint8_t protocol_ = 0;
  bool is_fragment_ = false;
  bool is_later_fragment_ = false;
};

/// The addresses of a packet of which nothing else is checked; nullopt: too short for a header, or neither version.
std::optional<Address> source_of(Bytes packet);
std::optional<Address> destination_of(Bytes packet);

/// Spreads flows over queues and paths: a function of addresses, protocol and ports. All fragments of a packet, and
/// packets without ports, are hashed without them; what is no IP packet hashes to 0.
std::uint32_t flow_hash(Bytes packet);

}  // namespace mpquic::packet
