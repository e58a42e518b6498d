#include "packet/segment.h"

#include <cstring>

#include "packet/checksum.h"
#include "packet/ip.h"
#include "packet/transport.h"

namespace mpquic::packet {
namespace {

constexpr std::uint16_t dont_fragment = 0x4000;

/// The keys of IPv4 and IPv6 can't be equal: the version is in them.
void set_flow(FlowKey& flow, const std::uint8_t* ip, std::uint8_t number, std::uint32_t ports) {
  const bool is_ipv4 = ip[0] >> 4 == 4;
  flow.ports_and_protocol = std::uint64_t{ports} << 32 | std::uint64_t{number} << 8 | (is_ipv4 ? 4u : 6u);
  flow.addresses = {};
  std::memcpy(flow.addresses.data(), is_ipv4 ? ip + 12 : ip + 8, is_ipv4 ? 8 : 32);
}

/// A packet that is not of the everyday shape, and so is not glued, may still be of a flow that is.
Mergeable inspect_odd(Bytes packet, Segment& segment) {
  const auto view = IpView::parse(packet);
  if (!view || (view->protocol() != protocol::tcp && view->protocol() != protocol::udp)) return Mergeable::no_flow;
  const bool has_ports = !view->is_fragment() && view->transport().size() >= 4;
  set_flow(segment.flow, packet.data(), view->protocol(), has_ports ? load_be32(view->transport().data()) : 0);
  return has_ports ? Mergeable::alone : Mergeable::fragment;
}

Mergeable inspect_tcp(Segment& segment) {
  if (segment.packet.size() < segment.ip_size + tcp::header_size_min) return Mergeable::alone;
  const std::uint8_t* tcp = segment.transport();
  const std::size_t header_size = tcp::header_size(tcp);
  segment.head_size = static_cast<std::uint16_t>(segment.ip_size + header_size);
  if (header_size < tcp::header_size_min || segment.head_size >= segment.packet.size()) return Mergeable::alone;
  const unsigned flags = tcp[13];
  if ((flags & (tcp::syn | tcp::rst | tcp::urg | tcp::ack)) != tcp::ack) return Mergeable::alone;
  segment.ends_burst = (flags & (tcp::psh | tcp::fin)) != 0;
  return Mergeable::yes;
}

Mergeable inspect_udp(Segment& segment) {
  const std::uint8_t* udp = segment.transport();
  segment.head_size = static_cast<std::uint16_t>(segment.ip_size + udp::header_size);
  if (segment.head_size >= segment.packet.size()) return Mergeable::alone;
  if (load_be16(udp + 4) != segment.packet.size() - segment.ip_size) return Mergeable::alone;
  if (load_be16(udp + udp::checksum_at) == 0) return Mergeable::alone;
  segment.ends_burst = false;
  return Mergeable::yes;
}

bool same_ipv4(const std::uint8_t* first, const std::uint8_t* ip, std::size_t index) {
  if (std::memcmp(first, ip, 2) != 0 || std::memcmp(first + 6, ip + 6, 3) != 0) return false;  // TOS; flags, TTL
  if ((load_be16(ip + 6) & dont_fragment) != 0) return true;
  return static_cast<std::uint16_t>(load_be16(first + 4) + index) == load_be16(ip + 4);
}

bool same_ipv6(const std::uint8_t* first, const std::uint8_t* ip) {
  return std::memcmp(first, ip, 4) == 0 && first[7] == ip[7];  // traffic class, flow label; hop limit
}

bool same_tcp(const std::uint8_t* first, const std::uint8_t* tcp, std::size_t header_size) {
  // CWR may be set in the first segment of a super-packet only, and is taken off when the others are split off.
  if ((first[13] & ~tcp::cwr) != (tcp[13] & ~(tcp::psh | tcp::fin))) return false;
  return std::memcmp(first + 8, tcp + 8, 5) == 0 &&    // acknowledgement number, header size
         std::memcmp(first + 14, tcp + 14, 2) == 0 &&  // window
         std::memcmp(first + 18, tcp + 18, header_size - 18) == 0;
}

}  // namespace

Mergeable inspect(Bytes packet, Segment& segment) {
  const std::uint8_t* ip = packet.data();
  if (packet.size() < ipv4_header_size + udp::header_size) return inspect_odd(packet, segment);
  std::uint8_t number = 0;
  if (ip[0] == 0x45) {
    if (load_be16(ip + 2) != packet.size() || (load_be16(ip + 6) & ~dont_fragment) != 0) {
      return inspect_odd(packet, segment);
    }
    segment.is_ipv4 = true;
    segment.ip_size = ipv4_header_size;
    number = ip[9];
  } else {
    if (ip[0] >> 4 != 6 || packet.size() < ipv6_header_size + udp::header_size ||
        load_be16(ip + 4) + ipv6_header_size != packet.size()) {
      return inspect_odd(packet, segment);
    }
    segment.is_ipv4 = false;
    segment.ip_size = ipv6_header_size;
    number = ip[6];
  }
  if (number != protocol::tcp && number != protocol::udp) return inspect_odd(packet, segment);
  segment.packet = packet;
  segment.is_tcp = number == protocol::tcp;
  set_flow(segment.flow, ip, number, load_be32(segment.transport()));
  return segment.is_tcp ? inspect_tcp(segment) : inspect_udp(segment);
}

bool checksums_hold(const Segment& segment) {
  if (segment.is_ipv4 && !ipv4_checksum_holds(segment.packet.first(ipv4_header_size))) return false;
  const Bytes transport = segment.packet.subspan(segment.ip_size);
  const std::uint8_t number = segment.is_tcp ? protocol::tcp : protocol::udp;
  return fold(pseudo_header_sum(segment.packet.data(), number, transport.size()) + sum(transport)) == 0xffff;
}

bool same_headers(const std::uint8_t* first_head, const Segment& segment, std::size_t index) {
  const std::uint8_t* ip = segment.packet.data();
  if (segment.is_ipv4 ? !same_ipv4(first_head, ip, index) : !same_ipv6(first_head, ip)) return false;
  return !segment.is_tcp ||
         same_tcp(first_head + segment.ip_size, segment.transport(), std::size_t{segment.head_size} - segment.ip_size);
}

}  // namespace mpquic::packet
