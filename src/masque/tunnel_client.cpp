#include "masque/tunnel_client.h"

#include "masque/error_codes.h"

namespace mpquic::masque {
TunnelClient::TunnelClient(quic::Connection& connection, ClientEvents& events, DropCounters& drops)
    : Tunnels(connection, events, drops), events_(events) {
  begin(Http3::Role::client);
}

std::optional<StreamId> TunnelClient::open(const IpRequest& request) {
  const auto stream = http().request(write_request(request));
  if (stream) add(*stream, request.session);
  return stream;
}

void TunnelClient::send_path_description(StreamId tunnel, const PathDescription& path) {
  std::vector<std::uint8_t> capsule;
  append_path_description(capsule, path);
  send(tunnel, std::move(capsule));
}

void TunnelClient::send_path_lost(StreamId tunnel, std::string_view name) {
  std::vector<std::uint8_t> capsule;
  append_path_lost(capsule, name);
  send(tunnel, std::move(capsule));
}

void TunnelClient::on_settings(const PeerSettings& settings) {
  Tunnels::on_settings(settings);
  if (connection().state() == quic::ConnectionState::closed) return;
  if (!settings.extended_connect) {
    return connection().close(h3_settings_error, "the server offers no extended CONNECT (RFC 9220), so no CONNECT-IP");
  }
  events_.on_ready();
}

void TunnelClient::on_headers(StreamId request, const std::vector<Header>& headers) {
  Tunnel* tunnel = find(request);
  if (tunnel == nullptr || tunnel->open || is_interim_response(headers)) return;
  const auto accepted = read_response(headers, tunnel->wish);
  if (!accepted) {
    http().abort(request, h3_request_cancelled);
    forget(request);
    return events_.on_refused(request, accepted.error());
  }
  events_.on_accepted(request, accepted->session);
  if (find(request) == tunnel) Tunnels::open(*tunnel, !accepted->session.empty());
}

}  // namespace mpquic::masque
