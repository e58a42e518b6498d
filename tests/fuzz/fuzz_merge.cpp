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

/// What is no IP packet has no flow, so no order.
auto flows_of(const std::vector<Packet>& packets) {
  auto flows = sample::by_flow(packets);
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
  require(flows_of(frames.split()) == flows_of(packets));
  return 0;
}
