#include <array>

#include "certs/token.h"
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
  static constexpr std::array<std::string_view, 4> client_keys = {"server", "links", "class", "masquerade"};
  fields.refuse(client_keys, "belongs to a client (role: client)");
  fields.finish();
  return tunnel;
}

Client read_client_entry(const Entry& entry, Problems& problems) {
  Client client{entry.key, entry.place, {}, {}, {}};
  if (const auto valid = parse_name(entry.key); !valid) problems.error(entry.place, "{}", valid.error().message);
  Fields fields(entry.value, entry.place, "client " + in_quotes(entry.key), problems);
  fields.read_list("tunnels", client.tunnels, parse_name);
  fields.require("prefixes");
  fields.read_list("prefixes", client.prefixes, parse_prefix);
  fields.read("token", client.token, certs::parse_token_hash);
  fields.finish();
  return client;
}

std::optional<Egress> read_egress(Fields& top) {
  const Entry* entry = top.read_map("egress");
  if (entry == nullptr) return std::nullopt;
  Egress egress;
  Fields fields(entry->value, entry->place, "egress", top.problems());
  fields.require("interface");
  fields.read("interface", egress.interface, parse_interface);
  fields.read("masquerade", egress.masquerade, parse_bool);
  fields.finish();
  return egress;
}

// {udp: 5060, to: 172.16.21.2}, or {tcp: 8443, to: 172.16.21.2, to_port: 443}
PortForward read_forward(const Node& node, Problems& problems) {
  PortForward forward;
  forward.place = node.place;
  Fields fields(node, node.place, "the forward", problems);
  static constexpr std::pair<std::string_view, std::uint8_t> protocols[] = {{"tcp", 6}, {"udp", 17}};
  for (const auto& [key, protocol] : protocols) {
    if (!fields.has(key)) continue;
    if (forward.protocol != 0) problems.error(node.place, "a forward is of tcp or of udp, not of both");
    forward.protocol = protocol;
    fields.read(key, forward.ports, parse_ports);
  }
  if (forward.protocol == 0) problems.error(node.place, "a forward names a port: {{udp: 5060, to: ADDRESS}}, or tcp");
  std::optional<PortRange> to_port;
  fields.require("to");
  fields.read("to", forward.to, parse_host);
  fields.read("to_port", to_port, parse_ports);
  if (to_port) forward.to_port = to_port->first;
  if (to_port && (to_port->first != to_port->last || forward.ports.first != forward.ports.last)) {
    problems.error(node.place, "to_port: only a single port can become another one");
  }
  fields.finish();
  return forward;
}

}  // namespace

ServerConfig read_server(Fields& top, const Defaults& defaults) {
  ServerConfig server;
  top.require("clients");
  for (const Entry& entry : top.read_named("clients")) {
    server.clients.push_back(read_client_entry(entry, top.problems()));
  }
  server.tls = read_server_tls(top, defaults.folder, server.knows_tokens());

  std::optional<Located<packet::SocketAddress>> listen;
  top.read("listen", listen, parse_listen);
  top.require("tunnels");
  for (const Entry& entry : top.read_named("tunnels")) {
    server.tunnels.push_back(read_server_tunnel(entry, listen, defaults, top.problems()));
  }
  server.egress = read_egress(top);
  for (const Node* node : top.read_maps("forward")) server.forwards.push_back(read_forward(*node, top.problems()));
  static constexpr std::array<std::string_view, 5> client_keys = {"server", "links", "lans", "classify", "token"};
  top.refuse(client_keys, "belongs to a client (role: client)");
  return server;
}

}  // namespace mpquic::config
