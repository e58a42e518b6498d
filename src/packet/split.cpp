#include "packet/split.h"

#include <algorithm>
#include <cassert>

#include "packet/checksum.h"
#include "packet/ecn.h"
#include "packet/ip.h"
#include "packet/transport.h"

namespace mpquic::packet {
namespace {

/// A plain packet whose checksum the kernel left open. The field holds the pseudo-header's sum already, so what it
/// protects may be anything, such as a packet inside a packet.
bool complete_checksum(const VirtioHeader& virtio, MutableBytes packet, std::size_t ip_header_size) {
  const std::size_t start = virtio.checksum_start;
  const std::size_t field = start + virtio.checksum_offset;
  if (start < ip_header_size || field + 2 > packet.size()) return false;
  store_be16(&packet[field], nonzero_checksum_of(sum(packet.subspan(start))));
  return true;
}

/// Whether a super-packet is what its virtio header says. Its checksum is always left open (VIRTIO 1.1, 5.1.6.2).
bool is_super_packet(const VirtioHeader& virtio, const IpView& view) {
  if (virtio.gso_size == 0 || view.is_fragment()) return false;
  const std::size_t checksum_offset = view.protocol() == protocol::tcp ? tcp::checksum_at : udp::checksum_at;
  if ((virtio.flags & VirtioHeader::needs_checksum) == 0 || virtio.checksum_start != view.header_size() ||
      virtio.checksum_offset != checksum_offset) {
    return false;
  }
  switch (virtio.gso_type & ~VirtioHeader::gso_ecn) {
    case VirtioHeader::gso_tcp4: return view.is_ipv4() && view.protocol() == protocol::tcp;
    case VirtioHeader::gso_tcp6: return !view.is_ipv4() && view.protocol() == protocol::tcp;
    case VirtioHeader::gso_udp: return view.protocol() == protocol::udp;
    default: return false;
  }
}

}  // namespace

std::expected<Splitter, Drop> Splitter::begin(const VirtioHeader& virtio, MutableBytes packet) {
  const auto view = IpView::parse(packet);
  if (!view) return std::unexpected(Drop::malformed);
  Splitter splitter;
  splitter.packet_ = packet;
  if (virtio.gso_type == VirtioHeader::gso_none) {
    if ((virtio.flags & VirtioHeader::needs_checksum) != 0 && !complete_checksum(virtio, packet, view->header_size())) {
      return std::unexpected(Drop::tun_read);
    }
    return splitter;
  }
  if (!is_super_packet(virtio, *view)) return std::unexpected(Drop::tun_read);
  splitter.header_ = SegmentHeader::of(packet, *view, (virtio.gso_type & VirtioHeader::gso_ecn) != 0);
  if (!splitter.header_) return std::unexpected(Drop::tun_read);
  splitter.at_ = splitter.header_->size();
  splitter.gso_size_ = virtio.gso_size;
  return splitter;
}

bool Splitter::empty() const { return empty_; }

std::size_t Splitter::bytes_left() const {
  if (empty_) return 0;
  if (!header_) return packet_.size();
  const std::size_t segments = std::max<std::size_t>(1, (payload_left() + gso_size_ - 1) / gso_size_);
  return payload_left() + segments * header_->size();
}

/// A TCP segment can be of any size that fits. A UDP datagram is what its sender meant it to be. Where not even the
/// headers fit, the size stays what the kernel asked for: the caller sees that it is too big.
std::size_t Splitter::segment_payload(std::size_t max_packet) const {
  std::size_t size = gso_size_;
  if (header_->is_tcp() && max_packet > header_->size()) size = std::min(size, max_packet - header_->size());
  return std::min(size, payload_left());
}

std::size_t Splitter::next_size(std::size_t max_packet) const {
  assert(!empty_);
  return header_ ? header_->size() + segment_payload(max_packet) : packet_.size();
}

Pieces Splitter::next(std::size_t max_packet) {
  assert(!empty_);
  if (!header_) {
    empty_ = true;
    return {.head = packet_, .rest = {}};
  }
  const Bytes payload = packet_.subspan(at_, segment_payload(max_packet));
  at_ += payload.size();
  empty_ = at_ == packet_.size();
  return {.head = header_->next(sum(payload), payload.size(), empty_), .rest = payload};
}

bool Splitter::mark_congestion() {
  if (header_) return header_->mark_congestion();
  const std::uint16_t before = load_be16(packet_.data());
  if (!set_congestion_experienced(packet_.data())) return false;
  if (packet_[0] >> 4 == 4) {
    store_be16(&packet_[10], updated_checksum(load_be16(&packet_[10]), before, load_be16(packet_.data())));
  }
  return true;
}

}  // namespace mpquic::packet
