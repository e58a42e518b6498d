#include "masque/tunnel_server.h"

#include <fmt/format.h>

#include <algorithm>

#include "masque/error_codes.h"

namespace mpquic::masque {
namespace {

/// RFC 8941, 3.3.3: what would end or escape a string is left out.
std::string string_item(std::string_view text) {
  std::string result = "\"";
  std::ranges::copy_if(text, std::back_inserter(result),
                       [](char each) { return each >= ' ' && each < 0x7f && each != '"' && each != '\\'; });
  return result + '"';
}

}  // namespace

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
  const std::vector<Header> headers = {{":status", "200"}, {"capsule-protocol", "?1"}};
  http().respond(tunnel, headers, false);
  open(*found);
}

void TunnelServer::refuse(StreamId tunnel, const Refusal& refusal) {
  forget(tunnel);
  if (refusal.status == 0) return http().abort(tunnel, h3_message_error);
  constexpr int unauthorized = 401;
  std::vector<Header> headers = {{":status", fmt::format("{}", refusal.status)},
                                 {"proxy-status", "mpquic; details=" + string_item(refusal.reason)}};
  if (refusal.status == unauthorized) headers.emplace_back("www-authenticate", "Bearer");
  http().respond(tunnel, headers, true);
}

}  // namespace mpquic::masque
