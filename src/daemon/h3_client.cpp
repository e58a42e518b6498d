#include "daemon/h3_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "masque/error_codes.h"

namespace mpquic::daemon {

using masque::no_address;

namespace {

// Of a server: each becomes a route, or an address, of the kernel.
constexpr std::size_t most_routes = 4096;
constexpr std::size_t most_addresses = 64;

}  // namespace

H3Client::H3Client(quic::Connection& connection, const Settings& settings, policy::HandedOut& handed_out,
                   H3ClientOwner& owner, DropCounters& drops)
    : settings_(settings), owner_(owner), tunnels_(connection, *this, drops), handed_out_(handed_out) {}

std::string H3Client::waits_for() const {
  if (!tunnels_.settled()) return "the server sends no SETTINGS: it does not speak HTTP/3 as it should";
  return accepted_ ? "the server gives no address" : "the server does not answer the request for a tunnel";
}

// Everything goes out at once: the server decides by all of it, and answers within a round trip.
void H3Client::ask(const masque::SessionWish& wish) {
  stream_ = tunnels_.open({settings_.authority, {}, settings_.token, settings_.name, wish});
  if (!stream_) return owner_.on_tunnel_failed(masque::h3_no_error, "the server allows no request");
  joins_ = wish.kind == masque::SessionWish::Kind::join;
  if (joins_) return;
  handed_out_ = {};
  std::vector<masque::AddressEntry> wanted;
  for (const packet::Address& address : settings_.addresses) {
    wanted.push_back({wanted.size() + 1, packet::Prefix(address)});
  }
  if (wanted.empty()) {
    for (const auto family : {packet::Address::Family::ipv4, packet::Address::Family::ipv6}) {
      wanted.push_back({wanted.size() + 1, no_address(family)});
    }
  }
  tunnels_.send_address_request(*stream_, wanted);
  if (!settings_.networks.empty()) offer(settings_.networks);
}

void H3Client::offer(const std::vector<packet::Prefix>& networks) {
  if (stream_) tunnels_.send_routes(*stream_, masque::ranges_of(networks));
}

void H3Client::describe(const masque::PathDescription& path) {
  if (stream_) tunnels_.send_path_description(*stream_, path);
}

void H3Client::tell_lost(const std::string& link) {
  if (stream_) tunnels_.send_path_lost(*stream_, link);
}

void H3Client::on_accepted(masque::StreamId, const std::string& session) {
  accepted_ = true;
  if (!session.empty()) owner_.on_session(session);
  look_whether_open();
}

void H3Client::on_refused(masque::StreamId, const masque::Refusal& refusal) {
  owner_.on_tunnel_failed(masque::h3_request_cancelled, refusal.reason);
}

// A server that asks for an address of ours gets none: it has its own.
void H3Client::on_address_request(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& requests) {
  std::vector<masque::AddressEntry> refused;
  for (const auto& [id, prefix] : requests) {
    refused.push_back({id, no_address(prefix.address().family())});
  }
  tunnels_.send_addresses(tunnel, refused);
}

void H3Client::on_addresses(masque::StreamId, const std::vector<masque::AddressEntry>& addresses) {
  if (addresses.size() > most_addresses) return on_excess("addresses");
  policy::HandedOut now{{}, handed_out_.routes, handed_out_.dns};
  std::vector<packet::Prefix> owned;
  for (const auto& entry : addresses) {
    if (entry.is_rejection()) continue;
    owned.push_back(entry.prefix);
    const packet::Address& address = entry.prefix.address();
    if (entry.prefix.is_host()) now.addresses.push_back({address, address.bits()});
  }
  const auto given = [&](const packet::Address& wanted) {
    return std::ranges::any_of(owned, [&](const packet::Prefix& prefix) { return prefix.contains(wanted); });
  };
  const auto missing = std::ranges::find_if_not(settings_.addresses, given);
  if (missing != settings_.addresses.end()) {
    return owner_.on_tunnel_failed(masque::h3_request_cancelled,
                                   fmt::format("the server does not let us be {}", missing->to_string()));
  }
  if (now.addresses.empty() && settings_.addresses.empty()) {
    return owner_.on_tunnel_failed(masque::h3_request_cancelled, "the server has no address for us");
  }
  if (!assigned_ && !joins_) complain_about_networks(owned);
  assigned_ = true;
  learn(std::move(now));
  look_whether_open();
}

// Packets from there would be dropped at the server; but perhaps they are masqueraded, or not meant for this tunnel.
void H3Client::complain_about_networks(const std::vector<packet::Prefix>& owned) const {
  for (const packet::Prefix& network : settings_.networks) {
    const auto holds = [&](const packet::Prefix& prefix) { return prefix.contains(network); };
    if (std::ranges::any_of(owned, holds)) continue;
    log::warning("{}: at the server, {} is not ours: nothing from there comes through", settings_.name,
                 network.to_string());
  }
}

void H3Client::on_excess(std::string_view what) {
  owner_.on_tunnel_failed(masque::h3_excessive_load, fmt::format("the server hands out far too many {}", what));
}

void H3Client::on_routes(masque::StreamId, const std::vector<masque::AddressRange>& ranges) {
  if (ranges.size() > most_routes) return on_excess("routes");
  policy::HandedOut now = handed_out_;
  now.routes = masque::prefixes_of(ranges);
  if (now.routes.size() > most_routes) return on_excess("routes");
  learn(std::move(now));
}

void H3Client::on_dns_servers(masque::StreamId, const std::vector<packet::Address>& servers) {
  policy::HandedOut now = handed_out_;
  now.dns = servers;
  learn(std::move(now));
}

void H3Client::learn(policy::HandedOut now) {
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

void H3Client::on_closed(masque::StreamId, std::uint64_t code, const std::string& reason) {
  owner_.on_tunnel_failed(code, reason);
}

}  // namespace mpquic::daemon
