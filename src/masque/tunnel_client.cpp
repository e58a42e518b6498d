#include "masque/tunnel_client.h"

#include "masque/error_codes.h"

namespace mpquic::masque {
TunnelClient::TunnelClient(quic::Connection& connection, ClientEvents& events, DropCounters& drops)
    : Tunnels(connection, events, drops), events_(events) {
  begin(Http3::Role::client);
}

std::optional<StreamId> TunnelClient::open(const IpRequest& request) {
  const auto stream = http().request(write_request(request));
  if (stream) add(*stream);
  return stream;
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
  if (const auto accepted = read_response(headers); !accepted) {
    return fail(request, h3_request_cancelled, accepted.error());
  }
  events_.on_accepted(request);
  Tunnels::open(*tunnel);
}

}  // namespace mpquic::masque
