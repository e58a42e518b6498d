#include "masque/tunnel_server.h"

#include <cassert>

#include "masque/error_codes.h"

namespace mpquic::masque {
TunnelServer::TunnelServer(quic::Connection& connection, ServerEvents& events, DropCounters& drops)
    : Tunnels(connection, events, drops), events_(events) {
  begin(Http3::Role::server);
}

void TunnelServer::on_headers(StreamId request, const std::vector<Header>& headers) {
  sweep();
  const auto read = read_request(headers);
  if (!read) return refuse(request, read.error());
  add(request, read->session);
  events_.on_request(request, *read);
}

void TunnelServer::accept(StreamId tunnel, std::string_view session) {
  Tunnel* found = find(tunnel);
  if (found == nullptr) return;
  assert(session.empty() || found->wish.kind != SessionWish::Kind::none);
  http().respond(tunnel, write_acceptance(session), false);
  open(*found, !session.empty());
}

void TunnelServer::on_path_description(StreamId tunnel, const PathDescription& path) {
  events_.on_path_description(tunnel, path);
}

void TunnelServer::refuse(StreamId tunnel, const Refusal& refusal) {
  forget(tunnel);
  if (refusal.status == 0) return http().abort(tunnel, h3_message_error);
  http().respond(tunnel, write_refusal(refusal), true);
}

}  // namespace mpquic::masque
