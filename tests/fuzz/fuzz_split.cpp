// Any virtio header before any bytes. Input: options (1 byte), max_packet (2 bytes), virtio header (10 bytes, host
// order), packet.

#include <cstdlib>
#include <cstring>

#include "packet/checksum.h"
#include "packet/sample.h"
#include "packet/split.h"

namespace {

using namespace mpquic;
using namespace mpquic::packet;

constexpr std::size_t prefix = 3 + sizeof(VirtioHeader);

void require(bool holds) {
  if (!holds) std::abort();
}

/// Without this, hardly any input would have a total length or a sum of the pseudo-header that is right.
void mend(sample::Packet& packet, const VirtioHeader& virtio) {
  if (packet.size() >= 40 && packet.size() < 65'535) {
    if (packet[0] >> 4 == 4) store_be16(&packet[2], static_cast<std::uint16_t>(packet.size()));
    if (packet[0] >> 4 == 6) store_be16(&packet[4], static_cast<std::uint16_t>(packet.size() - 40));
  }
  const auto view = IpView::parse(packet);
  const std::size_t field = std::size_t{virtio.checksum_start} + virtio.checksum_offset;
  if (!view || field + 2 > packet.size() || virtio.checksum_start != view->header_size()) return;
  if (view->is_ipv4()) store_ipv4_checksum(MutableBytes(packet).first(view->header_size()));
  store_be16(&packet[field], fold(pseudo_header_sum(packet.data(), view->protocol(), view->transport().size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < prefix) return 0;
  const bool is_mended = (data[0] & 1) != 0;
  const bool is_marked = (data[0] & 2) != 0;
  const std::size_t max_packet = load_be16(data + 1);
  VirtioHeader virtio;
  std::memcpy(&virtio, data + 3, sizeof(virtio));
  sample::Packet packet(data + prefix, data + size);
  if (is_mended) mend(packet, virtio);

  const sample::Packet before = packet;
  auto splitter = Splitter::begin(virtio, packet);
  if (!splitter) {
    require(splitter.error() == Drop::malformed || splitter.error() == Drop::tun_read);
    return 0;
  }
  if (is_marked) splitter->mark_congestion();
  bool promises_kept = false;
  const auto packets = sample::drain(*std::move(splitter), max_packet, &promises_kept);
  require(promises_kept && !packets.empty());
  if (virtio.gso_type == VirtioHeader::gso_none) {
    require(packets.size() == 1 && packets[0].size() == before.size());
    return 0;
  }
  sample::Packet payload;
  for (const auto& segment : packets) {
    const auto view = IpView::parse(segment);
    require(view.has_value());
    const bool is_tcp = view->protocol() == protocol::tcp;
    const Bytes transport = view->transport();
    const Bytes data_part = transport.subspan(is_tcp ? tcp::header_size(transport.data()) : udp::header_size);
    payload.insert(payload.end(), data_part.begin(), data_part.end());
    require(!is_mended || sample::is_sound(segment));
  }
  require(std::equal(payload.rbegin(), payload.rend(), before.rbegin()));
  return 0;
}
