#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "packet/address.h"
#include "packet/split.h"

namespace mpquic::packet {

/// No packet that write_packet_too_big() builds is larger.
inline constexpr std::size_t packet_too_big_size_max = 1280;

/// Builds the answer to a packet that does not fit: ICMPv4 Fragmentation Needed (RFC 1191 4) or ICMPv6 Packet Too Big
/// (RFC 4443 3.2), a whole IP packet for the sender of `offending` that quotes as much of it as the RFCs allow. The
/// answer is the same whether or not an IPv4 sender forbids fragments: tunnels make none.
///
/// `out` has room for packet_too_big_size_max bytes. `reporter` is an address of ours in the family of `offending`;
/// `mtu` is the largest size of an IP packet that would have fitted. Returns the size of the answer, 0 when there must
/// be none (RFC 1122 3.2.2, RFC 4443 2.4): about ICMP errors, later fragments, packets from or to addresses that are
/// no single host's, and what is no IP packet.
std::size_t write_packet_too_big(MutableBytes out, const Pieces& offending, const Address& reporter, std::size_t mtu);

}  // namespace mpquic::packet
