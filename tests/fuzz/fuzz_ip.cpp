// Any bytes as an IP packet. Input: where to cut the packet in two (2 bytes), the packet.

#include <array>
#include <cstdlib>

#include "packet/icmp.h"
#include "packet/ip.h"
#include "packet/sample.h"

namespace {

using namespace mpquic;
using namespace mpquic::packet;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_view(Bytes packet) {
  const auto view = IpView::parse(packet);
  const auto source = source_of(packet);
  flow_hash(packet);
  if (!view) return;
  require(source && *source == view->source() && *destination_of(packet) == view->destination());
  require(view->header_size() + view->transport().size() == packet.size());
  require(!view->is_later_fragment() || view->is_fragment());
}

void check_answer(Bytes packet, std::size_t cut) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const Address reporter = *Address::parse(text);
    std::array<std::uint8_t, packet_too_big_size_max> out{};
    const std::size_t size = write_packet_too_big(out, {packet.first(cut), packet.subspan(cut)}, reporter, 1280);
    if (size == 0) continue;
    const Bytes answer = Bytes(out).first(size);
    const auto view = IpView::parse(answer);
    require(view && view->source() == reporter && view->destination() == source_of(packet));
    const auto sum =
        view->is_ipv4() ? sample::naive_sum(view->transport()) : sample::naive_transport_sum(answer, *view);
    require(sum == 0xffff);
    std::array<std::uint8_t, packet_too_big_size_max> again{};
    require(write_packet_too_big(again, {answer, {}}, reporter, 1280) == 0);  // never an error about an error
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes packet(data + 2, size - 2);
  check_view(packet);
  check_answer(packet, std::min<std::size_t>(load_be16(data), packet.size()));
  return 0;
}
