#include "packet/icmp.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "packet/checksum.h"

namespace mpquic::packet {
namespace {

constexpr std::size_t icmp_header_size = 8;
constexpr std::size_t ipv4_error_size_max = 576;                  // RFC 1812 4.3.2.3
constexpr std::size_t ipv6_error_size_max = icmp_error_size_max;  // RFC 4443 2.4(c)
constexpr std::uint8_t hop_limit = 64;
constexpr std::uint8_t internetwork_control = 0xc0;  // the precedence of ICMP errors, RFC 1812 4.3.2.5

/// The first eight bytes of an ICMP error, less the checksum.
struct Report {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint32_t rest = 0;  ///< what stands behind the checksum
};

bool is_single_host(const Address& address) {
  if (address.is_unspecified() || address.is_multicast() || address.is_loopback()) return false;
  return !address.is_ipv4() || (address.bytes()[0] != 0 && address.bytes()[0] < 240);  // "this network", class E
}

bool may_be_answered(const IpView& view, bool is_about_size) {
  if (view.is_later_fragment() || is_icmp_error(view) || !is_single_host(view.source())) return false;
  // IPv6 alone learns the path MTU to multicast groups, RFC 4443 2.4(e.3).
  return !view.destination().is_multicast() || (is_about_size && !view.is_ipv4());
}

/// Copies the first bytes of `pieces`, as many as fit.
std::size_t gather(MutableBytes out, const Pieces& pieces) {
  const std::size_t from_head = std::min(out.size(), pieces.head.size());
  const std::size_t from_rest = std::min(out.size() - from_head, pieces.rest.size());
  std::copy_n(pieces.head.begin(), from_head, out.begin());
  std::copy_n(pieces.rest.begin(), from_rest, out.subspan(from_head).begin());
  return from_head + from_rest;
}

void write_icmp_header(MutableBytes icmp, const Report& report, Sum pseudo_header) {
  icmp[0] = report.type;
  icmp[1] = report.code;
  store_be16(&icmp[2], 0);
  store_be32(&icmp[4], report.rest);
  store_be16(&icmp[2], checksum_of(pseudo_header + sum(icmp)));
}

void write_ipv4(MutableBytes out, const Address& from, const Address& to, const Report& report) {
  const MutableBytes ip = out.first(ipv4_header_size);
  ip[0] = 0x45;
  ip[1] = internetwork_control;
  store_be16(&ip[2], static_cast<std::uint16_t>(out.size()));
  store_be32(&ip[4], 0x4000);  // no identification, don't fragment
  ip[8] = hop_limit;
  ip[9] = protocol::icmp;
  std::ranges::copy(from.bytes(), &ip[12]);
  std::ranges::copy(to.bytes(), &ip[16]);
  store_ipv4_checksum(ip);
  write_icmp_header(out.subspan(ipv4_header_size), report, 0);
}

void write_ipv6(MutableBytes out, const Address& from, const Address& to, const Report& report) {
  const MutableBytes icmp = out.subspan(ipv6_header_size);
  store_be32(&out[0], 0x60000000);
  store_be16(&out[4], static_cast<std::uint16_t>(icmp.size()));
  out[6] = protocol::icmpv6;
  out[7] = hop_limit;
  std::ranges::copy(from.bytes(), &out[8]);
  std::ranges::copy(to.bytes(), &out[24]);
  write_icmp_header(icmp, report, pseudo_header_sum(out.data(), protocol::icmpv6, icmp.size()));
}

std::size_t write_error(MutableBytes out, const Pieces& offending, const Address& reporter, const Report& report,
                        bool is_about_size) {
  assert(out.size() >= icmp_error_size_max);
  const std::size_t size_max = reporter.is_ipv4() ? ipv4_error_size_max : ipv6_error_size_max;
  const std::size_t headers = (reporter.is_ipv4() ? ipv4_header_size : ipv6_header_size) + icmp_header_size;
  const MutableBytes quote = out.subspan(headers, size_max - headers);
  const std::size_t quoted = gather(quote, offending);

  const auto view = IpView::parse_front(quote.first(quoted), offending.size());
  if (!view || view->is_ipv4() != reporter.is_ipv4() || !may_be_answered(*view, is_about_size)) return 0;
  const Address sender = view->source();
  const std::size_t size = headers + quoted;
  if (reporter.is_ipv4()) {
    write_ipv4(out.first(size), reporter, sender, report);
  } else {
    write_ipv6(out.first(size), reporter, sender, report);
  }
  return size;
}

Report unreachable_ipv4(Unreachable why) {
  constexpr std::uint8_t destination_unreachable = 3;
  switch (why) {
    case Unreachable::no_route: return {destination_unreachable, 0};
    case Unreachable::no_host: return {destination_unreachable, 1};
    case Unreachable::prohibited:
    case Unreachable::foreign_source: return {destination_unreachable, 13};
  }
  return {};
}

Report unreachable_ipv6(Unreachable why) {
  constexpr std::uint8_t destination_unreachable = 1;
  switch (why) {
    case Unreachable::no_route: return {destination_unreachable, 0};
    case Unreachable::no_host: return {destination_unreachable, 3};
    case Unreachable::prohibited: return {destination_unreachable, 1};
    case Unreachable::foreign_source: return {destination_unreachable, 5};
  }
  return {};
}

}  // namespace

bool is_icmp(const IpView& view) { return view.protocol() == (view.is_ipv4() ? protocol::icmp : protocol::icmpv6); }

bool is_icmp_error(const IpView& view) {
  if (!is_icmp(view) || view.is_later_fragment()) return false;
  if (view.transport().empty()) return true;
  const unsigned type = view.transport()[0];
  if (!view.is_ipv4()) return type < 128 || type == 137;  // and Redirect
  return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

std::size_t write_packet_too_big(MutableBytes out, const Pieces& offending, const Address& reporter, std::size_t mtu) {
  constexpr bool is_about_size = true;
  if (!reporter.is_ipv4()) {
    const Report packet_too_big{.type = 2, .code = 0, .rest = static_cast<std::uint32_t>(mtu)};
    return write_error(out, offending, reporter, packet_too_big, is_about_size);
  }
  const Report fragmentation_needed{
      .type = 3, .code = 4, .rest = static_cast<std::uint16_t>(std::min<std::size_t>(mtu, 0xffff))};
  return write_error(out, offending, reporter, fragmentation_needed, is_about_size);
}

std::size_t write_unreachable(MutableBytes out, const Pieces& offending, const Address& reporter, Unreachable why) {
  const Report report = reporter.is_ipv4() ? unreachable_ipv4(why) : unreachable_ipv6(why);
  return write_error(out, offending, reporter, report, false);
}

}  // namespace mpquic::packet
