#include "packet/merge.h"

#include <algorithm>
#include <cstring>

#include "packet/checksum.h"
#include "packet/ip.h"
#include "packet/transport.h"

namespace mpquic::packet {

Merger::Merger(Offloads offloads)
    : offloads_(offloads), memory_(std::make_unique_for_overwrite<std::uint8_t[]>(flows_max * stride)) {}

void Merger::push(Bytes packet, FrameSink& sink) {
  Segment segment;
  switch (inspect(packet, segment)) {
    case Mergeable::no_flow: break;
    case Mergeable::fragment: close_hosts(segment.flow, sink); break;
    case Mergeable::alone: close_flow(segment.flow, sink); break;
    case Mergeable::yes:
      if (!takes(segment)) break;
      ++pushes_;
      if (Group* group = find(segment.flow)) {
        if (continues(*group, segment) && checksums_hold(segment)) {
          append(*group, segment);
          const bool is_last =
              segment.ends_burst || segment.payload_size() < group->segment_payload || group->segments == segments_max;
          if (is_last) close(*group, sink);
          return;
        }
        close(*group, sink);
      }
      if (segment.ends_burst || packet.size() > super_packet_max || !checksums_hold(segment)) break;
      open(segment, sink);
      return;
  }
  sink.write({}, packet);
}

void Merger::flush(FrameSink& sink) {
  if (open_groups_ == 0) return;
  for (Group& group : groups_) {
    if (group.segments > 0) close(group, sink);
  }
}

bool Merger::takes(const Segment& segment) const {
  if (!segment.is_tcp) return offloads_.udp;
  return segment.is_ipv4 ? offloads_.tcp4 : offloads_.tcp6;
}

Merger::Group* Merger::find(const FlowKey& flow) {
  if (open_groups_ == 0) return nullptr;
  const auto found =
      std::ranges::find_if(groups_, [&flow](const Group& group) { return group.segments > 0 && group.flow == flow; });
  return found == groups_.end() ? nullptr : &*found;
}

bool Merger::continues(const Group& group, const Segment& segment) const {
  if (segment.is_tcp && load_be32(segment.transport() + 4) != group.next_sequence) return false;
  return segment.payload_size() <= group.segment_payload && group.size + segment.payload_size() <= super_packet_max &&
         same_headers(bytes_of(group), segment, group.segments);
}

void Merger::open(const Segment& segment, FrameSink& sink) {
  const auto unused_or_oldest = [](const Group& a, const Group& b) { return a.last_used < b.last_used; };
  Group& group = *std::ranges::min_element(groups_, unused_or_oldest);
  if (group.segments > 0) close(group, sink);
  std::memcpy(bytes_of(group), segment.packet.data(), segment.packet.size());
  group = {.flow = segment.flow,
           .last_used = pushes_,
           .segments = 1,
           .size = segment.packet.size(),
           .segment_payload = segment.payload_size(),
           .next_sequence = load_be32(segment.transport() + 4) + static_cast<std::uint32_t>(segment.payload_size()),
           .ip_size = segment.ip_size,
           .head_size = segment.head_size};
  ++open_groups_;
}

void Merger::append(Group& group, const Segment& segment) {
  std::uint8_t* bytes = bytes_of(group);
  const std::size_t size = segment.payload_size();
  std::memcpy(bytes + group.size, segment.packet.data() + segment.head_size, size);
  if (segment.is_tcp) {
    std::uint8_t& flags = bytes[group.ip_size + 13];
    flags = static_cast<std::uint8_t>(flags | (segment.transport()[13] & (tcp::psh | tcp::fin)));
  }
  group.size += size;
  group.next_sequence += static_cast<std::uint32_t>(size);
  group.last_used = pushes_;
  ++group.segments;
}

void Merger::close(Group& group, FrameSink& sink) {
  const VirtioHeader header = group.segments > 1 ? finish(group) : VirtioHeader{};
  const Bytes packet(bytes_of(group), group.size);
  group.segments = 0;
  group.last_used = 0;
  --open_groups_;
  sink.write(header, packet);
}

/// Headers and checksums become those of the super-packet. The transport checksum is left to the kernel, which wants
/// the sum of the pseudo-header in its place (VIRTIO 1.1, 5.1.6.2).
VirtioHeader Merger::finish(const Group& group) {
  const MutableBytes packet(bytes_of(group), group.size);
  std::uint8_t* transport = &packet[group.ip_size];
  const std::size_t transport_size = group.size - group.ip_size;
  const bool is_ipv4 = packet[0] >> 4 == 4;
  const std::uint8_t number = is_ipv4 ? packet[9] : packet[6];

  VirtioHeader header{.flags = VirtioHeader::needs_checksum,
                      .gso_type = VirtioHeader::gso_udp,
                      .header_size = group.head_size,
                      .gso_size = static_cast<std::uint16_t>(group.segment_payload),
                      .checksum_start = group.ip_size,
                      .checksum_offset = udp::checksum_at};
  if (number == protocol::tcp) {
    header.gso_type = is_ipv4 ? VirtioHeader::gso_tcp4 : VirtioHeader::gso_tcp6;
    if ((transport[13] & tcp::cwr) != 0) header.gso_type |= VirtioHeader::gso_ecn;
    header.checksum_offset = tcp::checksum_at;
  } else {
    store_be16(transport + 4, static_cast<std::uint16_t>(transport_size));
  }
  store_be16(transport + header.checksum_offset, fold(pseudo_header_sum(packet.data(), number, transport_size)));
  if (is_ipv4) {
    store_be16(&packet[2], static_cast<std::uint16_t>(group.size));
    store_ipv4_checksum(packet.first(group.ip_size));
  } else {
    store_be16(&packet[4], static_cast<std::uint16_t>(group.size - ipv6_header_size));
  }
  return header;
}

void Merger::close_flow(const FlowKey& flow, FrameSink& sink) {
  if (Group* group = find(flow)) close(*group, sink);
}

void Merger::close_hosts(const FlowKey& flow, FrameSink& sink) {
  constexpr std::uint64_t protocol_only = 0xffffffff;
  for (Group& group : groups_) {
    if (group.segments > 0 && group.flow.addresses == flow.addresses &&
        (group.flow.ports_and_protocol & protocol_only) == flow.ports_and_protocol) {
      close(group, sink);
    }
  }
}

}  // namespace mpquic::packet
