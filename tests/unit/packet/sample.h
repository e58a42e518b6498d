#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "packet/ip.h"
#include "packet/merge.h"
#include "packet/split.h"
#include "packet/transport.h"

/// Packets to test with, and slow but obvious versions of what the product does fast. Used by fuzz targets and
/// benchmarks too.
namespace mpquic::packet::sample {

using Packet = std::vector<std::uint8_t>;

/// "45 00 0028": hexadecimal digits, spaces ignored.
inline Packet bytes(std::string_view hex) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  Packet result;
  std::string_view::size_type at = 0;
  const auto next = [&] {
    while (at < hex.size() && hex[at] == ' ') ++at;
    return at < hex.size() ? digit(hex[at++]) : 16u;
  };
  for (unsigned high = next(); high < 16; high = next())
    result.push_back(static_cast<std::uint8_t>(high << 4 | next()));
  return result;
}

inline Packet concatenation(std::initializer_list<Bytes> parts) {
  Packet whole;
  for (const Bytes part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

/// RFC 1071 as one would write it first.
inline std::uint16_t naive_sum(Bytes data) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < data.size(); ++i) total += i % 2 == 0 ? data[i] * 256u : data[i];
  while (total > 0xffff) total = (total & 0xffff) + (total >> 16);
  return static_cast<std::uint16_t>(total);
}

inline std::uint16_t naive_transport_sum(Bytes packet, const IpView& view) {
  const Bytes addresses = view.is_ipv4() ? packet.subspan(12, 8) : packet.subspan(8, 32);
  const auto size = static_cast<std::uint16_t>(view.transport().size());
  const Packet tail{0, view.protocol(), static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  return naive_sum(concatenation({addresses, tail, view.transport()}));
}

/// Whether all lengths and checksums of a TCP or UDP packet are right.
inline bool is_sound(Bytes packet) {
  const auto view = IpView::parse(packet);
  if (!view) return false;
  if (view->is_ipv4() && naive_sum(packet.first(view->header_size())) != 0xffff) return false;
  if (view->protocol() == protocol::udp && load_be16(view->transport().data() + 4) != view->transport().size()) {
    return false;
  }
  return naive_transport_sum(packet, *view) == 0xffff;
}

/// Makes a TCP or UDP packet sound again after a test has changed it; leaves all else alone.
inline void repair(Packet& packet) {
  const auto view = IpView::parse(packet);
  if (!view) return;
  if (view->is_ipv4()) {
    store_be16(&packet[10], 0);
    store_be16(&packet[10], static_cast<std::uint16_t>(~naive_sum(Bytes(packet).first(view->header_size()))));
  }
  if (view->is_fragment()) return;
  const bool is_tcp = view->protocol() == protocol::tcp;
  if (!is_tcp && view->protocol() != protocol::udp) return;
  if (view->transport().size() < (is_tcp ? tcp::header_size_min : udp::header_size)) return;
  std::uint8_t* transport = &packet[view->header_size()];
  if (!is_tcp) store_be16(transport + 4, static_cast<std::uint16_t>(view->transport().size()));
  std::uint8_t* checksum = transport + (is_tcp ? tcp::checksum_at : udp::checksum_at);
  store_be16(checksum, 0);
  store_be16(checksum, static_cast<std::uint16_t>(~naive_transport_sum(packet, *view)));
  if (!is_tcp && load_be16(checksum) == 0) store_be16(checksum, 0xffff);
}

inline Packet payload_of(std::size_t size, unsigned seed = 1) {
  Packet payload(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (auto& byte : payload) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return payload;
}

struct Ip {
  bool is_ipv6 = false;
  std::uint8_t traffic_class = 0;
  std::uint8_t ttl = 64;
  std::uint16_t id = 0x1000;        // IPv4
  std::uint16_t fragment = 0x4000;  // IPv4: flags and offset, "don't fragment" set
  std::uint32_t flow_label = 0;     // IPv6
  std::uint8_t host = 1;            // the last byte of the source
};

struct Tcp {
  Ip ip{};
  std::uint16_t source_port = 40000;
  std::uint16_t destination_port = 443;
  std::uint32_t sequence = 1000;
  std::uint32_t acknowledgement = 7;
  std::uint8_t flags = tcp::ack;
  std::uint16_t window = 500;
  Packet options{};  // a multiple of 4 bytes
  Packet payload{};
};

struct Udp {
  Ip ip{};
  std::uint16_t source_port = 5000;
  std::uint16_t destination_port = 6000;
  Packet payload{};
};

inline Packet with_ip(const Ip& ip, std::uint8_t number, const Packet& transport) {
  Packet header(ip.is_ipv6 ? 40 : 20);
  if (ip.is_ipv6) {
    store_be32(&header[0], 6u << 28 | std::uint32_t{ip.traffic_class} << 20 | ip.flow_label);
    store_be16(&header[4], static_cast<std::uint16_t>(transport.size()));
    header[6] = number;
    header[7] = ip.ttl;
    header[8] = header[24] = 0xfd;
    header[23] = ip.host;
    header[39] = 200;
  } else {
    header[0] = 0x45;
    header[1] = ip.traffic_class;
    store_be16(&header[2], static_cast<std::uint16_t>(20 + transport.size()));
    store_be16(&header[4], ip.id);
    store_be16(&header[6], ip.fragment);
    header[8] = ip.ttl;
    header[9] = number;
    header[12] = header[16] = 10;
    header[15] = ip.host;
    header[19] = 200;
  }
  Packet packet = concatenation({header, transport});
  repair(packet);
  return packet;
}

inline Packet packet_of(const Tcp& tcp) {
  Packet header(20);
  store_be16(&header[0], tcp.source_port);
  store_be16(&header[2], tcp.destination_port);
  store_be32(&header[4], tcp.sequence);
  store_be32(&header[8], tcp.acknowledgement);
  header[12] = static_cast<std::uint8_t>((20 + tcp.options.size()) / 4 << 4);
  header[13] = tcp.flags;
  store_be16(&header[14], tcp.window);
  return with_ip(tcp.ip, protocol::tcp, concatenation({header, tcp.options, tcp.payload}));
}

inline Packet packet_of(const Udp& udp) {
  Packet header(8);
  store_be16(&header[0], udp.source_port);
  store_be16(&header[2], udp.destination_port);
  return with_ip(udp.ip, protocol::udp, concatenation({header, udp.payload}));
}

/// A super-packet as the kernel hands it over: with a virtio header, the checksum left open.
struct SuperPacket {
  VirtioHeader virtio;
  Packet packet;
};

inline SuperPacket super_packet(Packet packet, std::uint16_t gso_size) {
  const auto view = IpView::parse(packet);
  const bool is_tcp = view->protocol() == protocol::tcp;
  const std::uint8_t tcp_type = view->is_ipv4() ? VirtioHeader::gso_tcp4 : VirtioHeader::gso_tcp6;
  const auto start = static_cast<std::uint16_t>(view->header_size());
  const VirtioHeader virtio{.flags = VirtioHeader::needs_checksum,
                            .gso_type = is_tcp ? tcp_type : VirtioHeader::gso_udp,
                            .header_size = 0,  // nobody is to trust it
                            .gso_size = gso_size,
                            .checksum_start = start,
                            .checksum_offset = is_tcp ? std::uint16_t{16} : std::uint16_t{6}};
  // Pseudo-header only: what the sum of everything is, without the transport itself.
  std::uint8_t* field = &packet[std::size_t{start} + virtio.checksum_offset];
  store_be16(field, 0);
  const std::uint32_t sum = naive_transport_sum(packet, *view) + 0xffffu - naive_sum(view->transport());
  store_be16(field, static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16)));
  return {virtio, std::move(packet)};
}

/// All packets a Splitter gives, with every promise of its interface checked on the way.
inline std::vector<Packet> drain(Splitter splitter, std::size_t max_packet, bool* promises_kept = nullptr) {
  std::vector<Packet> packets;
  bool kept = true;
  while (!splitter.empty()) {
    const std::size_t left = splitter.bytes_left();
    const std::size_t size = splitter.next_size(max_packet);
    const Pieces pieces = splitter.next(max_packet);
    kept &= pieces.size() == size && splitter.bytes_left() <= left && left > 0;
    packets.push_back(concatenation({pieces.head, pieces.rest}));
    Splitter moved = std::move(splitter);  // it lives in a queue
    splitter = std::move(moved);
  }
  kept &= splitter.bytes_left() == 0;
  if (promises_kept != nullptr) *promises_kept = kept;
  return packets;
}

/// Keeps what a Merger writes.
class Frames : public FrameSink {
 public:
  void write(const VirtioHeader& header, Bytes packet) override {
    frames.push_back({header, Packet(packet.begin(), packet.end())});
  }
  /// What the kernel would make of it.
  std::vector<Packet> split() const {
    std::vector<Packet> packets;
    for (SuperPacket frame : frames) {
      auto splitter = Splitter::begin(frame.virtio, frame.packet);
      if (!splitter) {
        packets.push_back(frame.packet);  // bytes that are no IP packet go through a Merger untouched
        continue;
      }
      for (auto& packet : drain(*std::move(splitter), 65'535)) packets.push_back(std::move(packet));
    }
    return packets;
  }

  std::vector<SuperPacket> frames;
};

/// What may change on the way: the identification of what must not be fragmented (RFC 6864 4.1), and 0xffff, where a
/// sender wrote it for the equal checksum 0.
inline Packet canonical(Packet packet) {
  const auto view = IpView::parse(packet);
  if (!view) return packet;
  if (view->is_ipv4() && (load_be16(&packet[6]) & 0x4000) != 0) {
    const bool holds = naive_sum(Bytes(packet).first(view->header_size())) == 0xffff;
    store_be16(&packet[4], 0);
    if (holds) store_be16(&packet[10], 0);
  }
  if (view->is_ipv4() && load_be16(&packet[10]) == 0xffff) store_be16(&packet[10], 0);
  const std::size_t field = view->header_size() + tcp::checksum_at;
  if (view->protocol() == protocol::tcp && field + 2 <= packet.size() && load_be16(&packet[field]) == 0xffff) {
    store_be16(&packet[field], 0);
  }
  return packet;
}

/// Canonical packets by flow, in their order: what a Merger must not change.
inline std::map<std::uint32_t, std::vector<Packet>> by_flow(const std::vector<Packet>& packets) {
  std::map<std::uint32_t, std::vector<Packet>> flows;
  for (const Packet& packet : packets) flows[flow_hash(packet)].push_back(canonical(packet));
  return flows;
}

}  // namespace mpquic::packet::sample
