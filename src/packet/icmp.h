#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "packet/address.h"
#include "packet/ip.h"
#include "packet/split.h"

namespace mpquic::packet {

/// ICMP in IPv4, ICMPv6 in IPv6.
bool is_icmp(const IpView& view);
/// Whether it reports an error or redirects (RFC 1122 3.2.2, RFC 4443 2.1), as far as can be seen: what is cut off
/// before its type counts as one, a later fragment never.
bool is_icmp_error(const IpView& view);

// What follows builds the answer to a packet that goes no further: a whole IP packet for the sender of `offending` that
// quotes as much of it as the RFCs allow. `out` has room for icmp_error_size_max bytes. `reporter` is an address of
// ours in the family of `offending`. Returned is the size of the answer, 0 when there must be none (RFC 1122 3.2.2, RFC
// 1812 4.3.2.7, RFC 4443 2.4): about ICMP errors, later fragments, packets from or to addresses that are no single
// host's, and what is no IP packet. How many answers there are in a second is for the caller to limit.

/// No answer is larger.
inline constexpr std::size_t icmp_error_size_max = 1280;

/// To a packet that does not fit: ICMPv4 Fragmentation Needed (RFC 1191 4) or ICMPv6 Packet Too Big (RFC 4443 3.2),
/// whether or not an IPv4 sender forbids fragments: tunnels make none. `mtu` is the largest size of an IP packet that
/// would have fitted. Packets to IPv6 groups are answered: that is how their senders learn the path MTU.
std::size_t write_packet_too_big(MutableBytes out, const Pieces& offending, const Address& reporter, std::size_t mtu);

/// Why a packet is not forwarded. Destination Unreachable has these codes (RFC 792, RFC 1812 5.2.7.1, RFC 4443 3.1):
enum class Unreachable : std::uint8_t {
  no_route,        ///< no route to the destination: IPv4 0, network unreachable; IPv6 0, no route
  no_host,         ///< in a network of ours, but nobody there has this address: IPv4 1, host unreachable; IPv6 3
  prohibited,      ///< the destination is not for this sender: IPv4 13, administratively prohibited; IPv6 1
  foreign_source,  ///< the source is not this sender's: IPv4 13; IPv6 5, failed ingress/egress policy
};

std::size_t write_unreachable(MutableBytes out, const Pieces& offending, const Address& reporter, Unreachable why);

}  // namespace mpquic::packet
