#include "masque/tunnel_server.h"

#include "masque/error_codes.h"

namespace mpquic::masque {
TunnelServer::TunnelServer(quic::Connection& connection, ServerEvents& events, DropCounters& drops)
    : Tunnels(connection, events, drops), events_(events) {
  begin(Http3::Role::server);
}

void TunnelServer::on_headers(StreamId request, const std::vector<Header>& headers) {
  const auto read = read_request(headers);
  if (!read) return refuse(request, read.error());
  add(request);
  events_.on_request(request, *read);
}

void TunnelServer::accept(StreamId tunnel) {
  Tunnel* found = find(tunnel);
  if (found == nullptr) return;
  http().respond(tunnel, write_acceptance(), false);
  open(*found);
}

void TunnelServer::refuse(StreamId tunnel, const Refusal& refusal) {
  forget(tunnel);
  if (refusal.status == 0) return http().abort(tunnel, h3_message_error);
  http().respond(tunnel, write_refusal(refusal), true);
}

}  // namespace mpquic::masque
