// Any packets through a Merger, and what it writes through a Splitter: every flow must come out as it went in. Input:
// for each packet, operations (1 byte), size (2 bytes), bytes.

#include <algorithm>
#include <cstdlib>

#include "packet/merge.h"
#include "packet/sample.h"

namespace {

using namespace mpquic;
using namespace mpquic::packet;
using sample::Packet;

enum Operation : std::uint8_t {
  mend_checksums = 1,  // otherwise hardly any input gets past them
  follow = 2,          // the packet before, with the bytes laid over its end, as the next segment
  flush_before = 4,
};

void require(bool holds) {
  if (!holds) std::abort();
}

Packet following(Packet previous, Bytes bytes) {
  const std::size_t size = std::min(bytes.size(), previous.size());
  std::copy_n(bytes.begin(), size, previous.end() - static_cast<long>(size));
  const auto view = IpView::parse(previous);
  if (!view || view->protocol() != protocol::tcp || view->transport().size() < tcp::header_size_min) return previous;
  std::uint8_t* tcp = &previous[view->header_size()];
  const std::size_t head = std::min(tcp::header_size(tcp), view->transport().size());
  store_be32(tcp + 4, load_be32(tcp + 4) + static_cast<std::uint32_t>(view->transport().size() - head));
  return previous;
}

/// What may change on the way: the identification of what must not be fragmented (RFC 6864 4.1), and 0xffff, where a
/// sender wrote it for the equal checksum 0.
Packet canonical(Packet packet) {
  const auto view = IpView::parse(packet);
  if (!view) return packet;
  if (view->is_ipv4() && (load_be16(&packet[6]) & 0x4000) != 0) {
    const bool holds = sample::naive_sum(Bytes(packet).first(view->header_size())) == 0xffff;
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

auto canonical_flows(const std::vector<Packet>& packets) {
  std::vector<Packet> result;
  for (const Packet& packet : packets) result.push_back(canonical(packet));
  // What is no IP packet has no flow, so no order.
  auto flows = sample::by_flow(result);
  std::ranges::sort(flows[0]);
  return flows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Merger merger({.tcp4 = true, .tcp6 = true, .udp = true});
  sample::Frames frames;
  std::vector<Packet> packets;
  Bytes rest(data, size);
  while (rest.size() >= 3) {
    const std::uint8_t operations = rest[0];
    const Bytes bytes = rest.subspan(3, std::min<std::size_t>(load_be16(&rest[1]), rest.size() - 3));
    rest = rest.subspan(3 + bytes.size());
    Packet packet(bytes.begin(), bytes.end());
    if ((operations & follow) != 0 && !packets.empty()) packet = following(packets.back(), bytes);
    if ((operations & mend_checksums) != 0) sample::repair(packet);
    if ((operations & flush_before) != 0) merger.flush(frames);
    merger.push(packet, frames);
    packets.push_back(std::move(packet));
  }
  merger.flush(frames);
  require(canonical_flows(frames.split()) == canonical_flows(packets));
  return 0;
}
