#include "packet/segment_header.h"

#include <algorithm>
#include <cstring>

#include "packet/ecn.h"
#include "packet/transport.h"

namespace mpquic::packet {

std::optional<SegmentHeader> SegmentHeader::of(Bytes packet, const IpView& view, bool cwr_once) {
  SegmentHeader header;
  header.ip_size_ = static_cast<std::uint16_t>(view.header_size());
  header.is_tcp_ = view.protocol() == protocol::tcp;
  if (header.ip_size_ >= size_max) return std::nullopt;
  const std::size_t available = std::min(packet.size(), size_max);
  std::memcpy(header.bytes_.data(), packet.data(), available);

  const std::size_t room = available - header.ip_size_;
  if (header.is_tcp_ ? !header.prepare_tcp(room, cwr_once) : !header.prepare_udp(room)) return std::nullopt;
  // The checksum field brings the sum of the pseudo-header, with the size of the super-packet: take that out again.
  header.transport_sum_ += static_cast<std::uint16_t>(~(packet.size() - header.ip_size_));
  if (view.is_ipv4()) {
    std::uint8_t* ip = header.bytes_.data();
    header.id_ = load_be16(ip + 4);
    std::memset(ip + 2, 0, 4);
    std::memset(ip + 10, 0, 2);
    header.ip_sum_ = sum(Bytes(ip, header.ip_size_));
  }
  return header;
}

bool SegmentHeader::prepare_tcp(std::size_t room, bool cwr_once) {
  std::uint8_t* header = &bytes_[ip_size_];
  if (room < tcp::header_size_min) return false;
  const std::size_t header_size = tcp::header_size(header);
  if (header_size < tcp::header_size_min || header_size > room) return false;
  sequence_ = load_be32(header + 4);
  tcp_flags_last_ = header[13] & (tcp::psh | tcp::fin);
  tcp_flags_once_ = cwr_once ? header[13] & tcp::cwr : 0;
  tcp_flags_ = static_cast<std::uint8_t>(header[13] & ~(tcp_flags_last_ | tcp_flags_once_));
  std::memset(header + 4, 0, 4);
  header[13] = 0;
  transport_sum_ = sum(Bytes(header, header_size));
  size_ = static_cast<std::uint16_t>(ip_size_ + header_size);
  return true;
}

bool SegmentHeader::prepare_udp(std::size_t room) {
  if (room < udp::header_size) return false;
  std::uint8_t* header = &bytes_[ip_size_];
  std::memset(header + 4, 0, 2);
  transport_sum_ = sum(Bytes(header, udp::header_size));
  size_ = static_cast<std::uint16_t>(ip_size_ + udp::header_size);
  return true;
}

Bytes SegmentHeader::next(std::uint16_t payload_sum, std::size_t payload_size, bool is_last) {
  write_ip(size_ + payload_size);
  if (is_tcp_) {
    write_tcp(payload_sum, payload_size, is_last);
  } else {
    write_udp(payload_sum, payload_size);
  }
  return Bytes(bytes_).first(size_);
}

void SegmentHeader::write_ip(std::size_t segment_size) {
  if (bytes_[0] >> 4 == 4) {
    const auto total = static_cast<std::uint16_t>(segment_size);
    store_be16(&bytes_[2], total);
    store_be16(&bytes_[4], id_);
    store_be16(&bytes_[10], checksum_of(ip_sum_ + total + id_));
    ++id_;
  } else {
    store_be16(&bytes_[4], static_cast<std::uint16_t>(segment_size - ipv6_header_size));
  }
}

void SegmentHeader::write_tcp(std::uint16_t payload_sum, std::size_t payload_size, bool is_last) {
  std::uint8_t* header = &bytes_[ip_size_];
  const auto flags = static_cast<std::uint8_t>(tcp_flags_ | tcp_flags_once_ | (is_last ? tcp_flags_last_ : 0));
  const auto transport_size = static_cast<Sum>(size_ - ip_size_ + payload_size);
  store_be32(header + 4, sequence_);
  header[13] = flags;
  const Sum varying = (sequence_ >> 16) + (sequence_ & 0xffff) + flags + transport_size + payload_sum;
  store_be16(header + tcp::checksum_at, checksum_of(transport_sum_ + varying));
  sequence_ += static_cast<std::uint32_t>(payload_size);
  tcp_flags_once_ = 0;
}

void SegmentHeader::write_udp(std::uint16_t payload_sum, std::size_t payload_size) {
  std::uint8_t* header = &bytes_[ip_size_];
  const auto transport_size = static_cast<std::uint16_t>(udp::header_size + payload_size);
  store_be16(header + 4, transport_size);
  // The length counts twice: in the header and in the pseudo-header.
  store_be16(header + udp::checksum_at,
             nonzero_checksum_of(transport_sum_ + transport_size + transport_size + payload_sum));
}

bool SegmentHeader::mark_congestion() {
  const std::uint16_t before = load_be16(bytes_.data());
  if (!set_congestion_experienced(bytes_.data())) return false;
  ip_sum_ += load_be16(bytes_.data()) - Sum{before};  // bits are only ever set, so never negative
  return true;
}

}  // namespace mpquic::packet
