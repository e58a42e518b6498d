#include <array>

#include "config/role_reader.h"
#include "config/tls_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

ServerTunnel read_server_tunnel(const Entry& entry, const std::optional<Located<packet::SocketAddress>>& top_listen,
                                const Defaults& defaults, Problems& problems) {
  ServerTunnel tunnel;
  tunnel.name = entry.key;
  tunnel.alpn = defaults.alpn;
  Fields fields(entry.value, entry.place, "tunnel " + in_quotes(entry.key), problems);
  read_tunnel(fields, tunnel, defaults);

  std::optional<Located<packet::SocketAddress>> listen = top_listen;
  fields.read("listen", listen, parse_listen);
  if (listen) {
    tunnel.listen = *listen;
  } else {
    problems.error(tunnel.place, "{} has no address to listen on (say listen: at the top or here)", fields.what());
  }
  fields.read("alpn", tunnel.alpn, parse_alpn);
  static constexpr std::array<std::string_view, 3> client_keys = {"server", "links", "class"};
  fields.refuse(client_keys, "belongs to a client (role: client)");
  fields.finish();
  return tunnel;
}

Client read_client_entry(const Entry& entry, Problems& problems) {
  Client client{entry.key, entry.place, {}, {}};
  if (const auto valid = parse_name(entry.key); !valid) problems.error(entry.place, "{}", valid.error().message);
  Fields fields(entry.value, entry.place, "client " + in_quotes(entry.key), problems);
  fields.read_list("tunnels", client.tunnels, parse_name);
  fields.require("prefixes");
  fields.read_list("prefixes", client.prefixes, parse_prefix);
  fields.finish();
  return client;
}

}  // namespace

ServerConfig read_server(Fields& top, const Defaults& defaults) {
  ServerConfig server;
  server.tls = read_server_tls(top, defaults.folder);

  std::optional<Located<packet::SocketAddress>> listen;
  top.read("listen", listen, parse_listen);
  top.require("tunnels");
  for (const Entry& entry : top.read_named("tunnels")) {
    server.tunnels.push_back(read_server_tunnel(entry, listen, defaults, top.problems()));
  }
  top.require("clients");
  for (const Entry& entry : top.read_named("clients")) {
    server.clients.push_back(read_client_entry(entry, top.problems()));
  }
  static constexpr std::array<std::string_view, 2> client_keys = {"server", "links"};
  top.refuse(client_keys, "belongs to a client (role: client)");
  return server;
}

}  // namespace mpquic::config
