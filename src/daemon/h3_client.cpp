#include "daemon/h3_client.h"

#include <fmt/format.h>

#include <algorithm>

namespace mpquic::daemon {

H3Client::H3Client(quic::Connection& connection, const Settings& settings, H3ClientOwner& owner, DropCounters& drops)
    : settings_(settings), owner_(owner), tunnels_(connection, *this, drops) {}

std::string H3Client::waits_for() const {
  if (!tunnels_.settled()) return "the server sends no SETTINGS: it does not speak HTTP/3 as it should";
  return accepted_ ? "the server gives no address" : "the server does not answer the request for a tunnel";
}

// Everything goes out at once: the server decides by all of it, and answers within a round trip.
void H3Client::on_ready() {
  stream_ = tunnels_.open({settings_.authority, {}, settings_.token, settings_.name});
  if (!stream_) return owner_.on_tunnel_failed("the server allows no request");
  std::vector<masque::AddressEntry> wanted;
  for (const packet::Address& address : settings_.addresses) {
    wanted.push_back({wanted.size() + 1, packet::Prefix(address)});
  }
  if (wanted.empty()) {
    for (const auto family : {packet::Address::Family::ipv4, packet::Address::Family::ipv6}) {
      wanted.push_back({wanted.size() + 1, packet::Prefix(packet::Address::unspecified(family))});
    }
  }
  tunnels_.send_address_request(*stream_, wanted);
  if (!settings_.networks.empty()) offer(settings_.networks);
}

void H3Client::offer(const std::vector<packet::Prefix>& networks) {
  if (stream_) tunnels_.send_routes(*stream_, masque::ranges_of(networks));
}

void H3Client::on_accepted(masque::StreamId) {
  accepted_ = true;
  look_whether_open();
}

// A server that asks for an address of ours gets none: it has its own.
void H3Client::on_address_request(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& requests) {
  std::vector<masque::AddressEntry> refused;
  for (const auto& [id, prefix] : requests) {
    refused.push_back({id, packet::Prefix(packet::Address::unspecified(prefix.address().family()))});
  }
  tunnels_.send_addresses(tunnel, refused);
}

void H3Client::on_addresses(masque::StreamId, const std::vector<masque::AddressEntry>& addresses) {
  HandedOut now{{}, {}, handed_out_.routes};
  for (const auto& entry : addresses) {
    if (entry.is_rejection()) continue;
    if (entry.prefix.is_host())
      now.addresses.push_back(entry.prefix.address());
    else
      now.prefixes.push_back(entry.prefix);
  }
  const auto given = [&](const packet::Address& wanted) {
    const auto holds = [&](const packet::Prefix& prefix) { return prefix.contains(wanted); };
    return std::ranges::find(now.addresses, wanted) != now.addresses.end() || std::ranges::any_of(now.prefixes, holds);
  };
  const auto missing = std::ranges::find_if_not(settings_.addresses, given);
  if (missing != settings_.addresses.end()) {
    return owner_.on_tunnel_failed(fmt::format("the server does not let us be {}", missing->to_string()));
  }
  if (now.addresses.empty() && settings_.addresses.empty()) {
    return owner_.on_tunnel_failed("the server has no address for us");
  }
  assigned_ = true;
  if (now != handed_out_) {
    handed_out_ = std::move(now);
    owner_.on_handed_out(handed_out_);
  }
  look_whether_open();
}

void H3Client::on_routes(masque::StreamId, const std::vector<masque::AddressRange>& ranges) {
  HandedOut now = handed_out_;
  now.routes = masque::prefixes_of(ranges);
  if (now == handed_out_) return;
  handed_out_ = std::move(now);
  owner_.on_handed_out(handed_out_);
}

void H3Client::look_whether_open() {
  if (open_ || !accepted_ || !assigned_) return;
  open_ = true;
  owner_.on_tunnel_open();
}

void H3Client::on_packet(masque::StreamId, Bytes packet) { owner_.on_tunnel_packet(packet); }

void H3Client::on_closed(masque::StreamId, const std::string& reason) { owner_.on_tunnel_failed(reason); }

}  // namespace mpquic::daemon
