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

using Write = std::size_t (*)(MutableBytes out, const Pieces& offending, const Address& reporter);

std::size_t too_big(MutableBytes out, const Pieces& offending, const Address& reporter) {
  return write_packet_too_big(out, offending, reporter, 1280);
}

std::size_t no_route(MutableBytes out, const Pieces& offending, const Address& reporter) {
  return write_unreachable(out, offending, reporter, Unreachable::no_route);
}

void check_answer(Bytes packet, std::size_t cut, Write write) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const Address reporter = *Address::parse(text);
    std::array<std::uint8_t, icmp_error_size_max> out{};
    const std::size_t size = write(out, {packet.first(cut), packet.subspan(cut)}, reporter);
    if (size == 0) continue;
    const Bytes answer = Bytes(out).first(size);
    const auto view = IpView::parse(answer);
    require(view && view->source() == reporter && view->destination() == source_of(packet));
    const auto sum =
        view->is_ipv4() ? sample::naive_sum(view->transport()) : sample::naive_transport_sum(answer, *view);
    require(sum == 0xffff);
    std::array<std::uint8_t, icmp_error_size_max> again{};
    require(write(again, {answer, {}}, reporter) == 0);  // never an error about an error
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Bytes packet(data + 2, size - 2);
  check_view(packet);
  const std::size_t cut = std::min<std::size_t>(load_be16(data), packet.size());
  check_answer(packet, cut, too_big);
  check_answer(packet, cut, no_route);
  return 0;
}
