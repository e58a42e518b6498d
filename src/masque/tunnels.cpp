#include "masque/tunnels.h"

#include <algorithm>
#include <utility>

#include "masque/error_codes.h"

namespace mpquic::masque {
namespace {

// A client may send before it is answered (RFC 9484, 7.1). So much of it waits for the answer, and of what comes in
// capsules, which may be larger than any path, no more bytes than of datagrams.
constexpr std::size_t early_packets = 32;
constexpr std::size_t most_early_bytes = early_packets * 1500;
// What waits on a stream that carries packets: more would be a queue that nobody manages.
constexpr std::size_t stream_backlog = 128 << 10;
// Of everything together. Somebody who asks and asks, and never takes an answer, does not get so far for nothing.
constexpr std::size_t most_unacknowledged = 4 << 20;

/// Which of a tunnel's prefixes it is; nullopt: nobody has agreed on such a context id.
std::optional<std::size_t> index_of(std::uint64_t context) {
  switch (context) {
    case ip_context: return 0;
    case sequenced_context: return 1;
    case probe_context: return 2;
    default: return std::nullopt;
  }
}

}  // namespace

void Tunnels::begin(Http3::Role role) { http_ = Http3::begin(role, connection_, *this); }

Tunnels::Tunnel* Tunnels::find(StreamId stream) const {
  const auto found = std::ranges::find(tunnels_, stream, [](const auto& tunnel) { return tunnel->stream; });
  return found == tunnels_.end() ? nullptr : found->get();
}

Tunnels::Tunnel& Tunnels::add(StreamId stream, const SessionWish& wish) {
  tunnels_.push_back(std::make_unique<Tunnel>(*this, stream, wish));
  return *tunnels_.back();
}

void Tunnels::forget(StreamId stream) {
  const auto found = std::ranges::find(tunnels_, stream, [](const auto& tunnel) { return tunnel->stream; });
  if (found == tunnels_.end()) return;
  forgotten_.push_back(std::move(*found));
  tunnels_.erase(found);
}

void Tunnels::open(Tunnel& tunnel, bool session) {
  tunnel.open = true;
  tunnel.session = session;
  tunnel.capsules.set_value_size_max(capsule_value_size_max);
  for (const auto& payload : std::exchange(tunnel.early, {})) deliver(tunnel, *parse_ip_datagram(payload));
}

void Tunnels::fail(StreamId stream, std::uint64_t code, const std::string& reason) {
  http().abort(stream, code);
  if (find(stream) == nullptr) return;
  forget(stream);
  events_.on_closed(stream, code, reason);
}

void Tunnels::close(StreamId tunnel) {
  forget(tunnel);
  if (usable()) http().abort(tunnel, h3_request_cancelled);
}

void Tunnels::send_address_request(StreamId tunnel, std::span<const AddressEntry> requests) {
  std::vector<std::uint8_t> capsule;
  append_address_request(capsule, requests);
  send(tunnel, std::move(capsule));
}

void Tunnels::send_addresses(StreamId tunnel, std::span<const AddressEntry> addresses) {
  std::vector<std::uint8_t> capsule;
  append_address_assign(capsule, addresses);
  send(tunnel, std::move(capsule));
}

void Tunnels::send_routes(StreamId tunnel, std::span<const AddressRange> ranges) {
  std::vector<std::uint8_t> capsule;
  append_route_advertisement(capsule, ranges);
  send(tunnel, std::move(capsule));
}

void Tunnels::send_dns_servers(StreamId tunnel, std::span<const packet::Address> servers) {
  std::vector<std::uint8_t> capsule;
  append_dns_servers(capsule, servers);
  send(tunnel, std::move(capsule));
}

void Tunnels::send(StreamId tunnel, std::vector<std::uint8_t> capsule) {
  if (http().unacknowledged(tunnel) > most_unacknowledged) {
    return connection_.close(h3_excessive_load, "the other end does not take what it is sent");
  }
  http().send(tunnel, std::move(capsule));
}

Bytes Tunnels::prefix(StreamId tunnel, std::uint64_t context) const {
  const Tunnel* found = find(tunnel);
  const auto index = index_of(context);
  return found == nullptr || !index ? Bytes() : found->prefixes.at(*index).bytes();
}

bool Tunnels::send_over_stream(StreamId tunnel, const packet::Pieces& packet) {
  if (http().unacknowledged(tunnel) > stream_backlog) return false;
  std::vector<std::uint8_t> payload;
  payload.reserve(1 + packet.size());
  append_varint(payload, ip_context);
  payload.insert(payload.end(), packet.head.begin(), packet.head.end());
  payload.insert(payload.end(), packet.rest.begin(), packet.rest.end());
  std::vector<std::uint8_t> capsule;
  append_capsule(capsule, CapsuleType::datagram, payload);
  send(tunnel, std::move(capsule));
  return true;
}

void Tunnels::on_datagram(Bytes datagram) {
  const auto parsed = parse_http_datagram(datagram);
  if (!parsed) return connection_.close(h3_datagram_error, "an HTTP datagram without a stream");
  Tunnel* tunnel = find(static_cast<StreamId>(parsed->stream));
  if (tunnel == nullptr) return drops_.count(Drop::unknown_tunnel);
  on_payload(*tunnel, parsed->payload);
}

void Tunnels::on_payload(Tunnel& tunnel, Bytes payload) {
  const auto parsed = parse_ip_datagram(payload);
  if (!parsed) return drops_.count(Drop::malformed);
  if (tunnel.open) return deliver(tunnel, *parsed);
  // A datagram may be faster than the answer that agrees to its context id.
  const bool agreed =
      parsed->context == ip_context || (index_of(parsed->context) && tunnel.wish.kind != SessionWish::Kind::none);
  if (!agreed) return drops_.count(Drop::unknown_context);
  if (tunnel.early.size() >= early_packets || tunnel.early_bytes + payload.size() > most_early_bytes) {
    return drops_.count(Drop::not_registered);
  }
  tunnel.early_bytes += payload.size();
  tunnel.early.emplace_back(payload.begin(), payload.end());
}

void Tunnels::deliver(const Tunnel& tunnel, const IpDatagram& datagram) {
  if (datagram.context == ip_context) return events_.on_packet(tunnel.stream, datagram.payload);
  if (tunnel.session && datagram.context == sequenced_context) {
    return events_.on_sequenced(tunnel.stream, datagram.payload);
  }
  if (tunnel.session && datagram.context == probe_context) return events_.on_probe(tunnel.stream, datagram.payload);
  drops_.count(Drop::unknown_context);
}

Result<void> Tunnels::on_capsule(Tunnel& tunnel, CapsuleType type, Bytes value) {
  if (find(tunnel.stream) != &tunnel) return failure("closed");
  switch (type) {
    case CapsuleType::datagram: on_payload(tunnel, value); break;
    case CapsuleType::address_assign: {
      const auto addresses = parse_address_assign(value);
      if (!addresses) return std::unexpected(addresses.error());
      events_.on_addresses(tunnel.stream, *addresses);
      break;
    }
    case CapsuleType::address_request: {
      const auto requests = parse_address_request(value);
      if (!requests) return std::unexpected(requests.error());
      events_.on_address_request(tunnel.stream, *requests);
      break;
    }
    case CapsuleType::route_advertisement: {
      const auto ranges = parse_route_advertisement(value);
      if (!ranges) return std::unexpected(ranges.error());
      events_.on_routes(tunnel.stream, *ranges);
      break;
    }
    case CapsuleType::dns_servers: {
      const auto servers = parse_dns_servers(value);
      if (!servers) return std::unexpected(servers.error());
      events_.on_dns_servers(tunnel.stream, *servers);
      break;
    }
    case CapsuleType::path: {
      const auto path = parse_path_description(value);
      if (!path) return std::unexpected(path.error());
      on_path_description(tunnel.stream, *path);
      break;
    }
    case CapsuleType::path_lost: {
      const auto name = parse_path_lost(value);
      if (!name) return std::unexpected(name.error());
      on_path_lost(tunnel.stream, *name);
      break;
    }
  }
  return {};
}

void Tunnels::on_settings(const PeerSettings& settings) {
  settled_ = true;
  settings_ = settings;
  // RFC 9297, 2.1.1, and RFC 9221, 3: the one without the other is a contradiction.
  if (settings.datagrams && !connection_.datagrams_accepted()) {
    connection_.close(h3_settings_error, "the other end's SETTINGS promise datagrams that its QUIC does not take");
  }
}

void Tunnels::on_content(StreamId request, Bytes content) {
  sweep();
  Tunnel* tunnel = find(request);
  if (tunnel == nullptr) return;
  const std::uint64_t oversized = tunnel->capsules.oversized_datagrams();
  if (const auto read = tunnel->capsules.read(content, *tunnel); !read && find(request) != nullptr) {
    fail(request, h3_message_error, "malformed capsule: " + read.error().message);
  }
  drops_.count(Drop::malformed, tunnel->capsules.oversized_datagrams() - oversized);
}

void Tunnels::on_content_end(StreamId request) {
  Tunnel* tunnel = find(request);
  if (tunnel == nullptr) return;
  if (const auto finished = tunnel->capsules.finish(); !finished) {
    return fail(request, h3_message_error, finished.error().message);
  }
  // Nothing can be said of a request that is over before it was answered.
  if (tunnel->open)
    http().finish(request);
  else
    http().abort(request, h3_request_cancelled);
  forget(request);
  events_.on_closed(request, h3_no_error, "the other end has closed the tunnel");
}

void Tunnels::on_broken(StreamId request) {
  if (find(request) == nullptr) return;
  forget(request);
  events_.on_closed(request, h3_no_error, "the other end has broken the tunnel off");
}

void Tunnels::on_request_closed(StreamId request) { on_broken(request); }

}  // namespace mpquic::masque
