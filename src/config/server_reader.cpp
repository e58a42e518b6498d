#include <algorithm>
#include <array>

#include "certs/token.h"
#include "config/role_reader.h"
#include "config/tls_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

/// What stands at the top for all tunnels that do not say it themselves.
struct TopOfServer {
  std::optional<Located<packet::SocketAddress>> listen;
  std::vector<Alpn> alpns = ServerTunnel().alpns;
};

void read_alpns(Fields& fields, std::vector<Alpn>& alpns) {
  std::vector<Located<Alpn>> given;
  fields.read_list("alpn", given, parse_alpn);
  if (given.empty()) return;
  alpns.clear();
  for (const auto& [alpn, place] : given) {
    if (std::ranges::find(alpns, alpn) != alpns.end()) {
      fields.problems().error(place, "alpn: {} is doubled", name(alpn));
    } else {
      alpns.push_back(alpn);
    }
  }
}

ServerTunnel read_server_tunnel(const Entry& entry, const TopOfServer& top, const Defaults& defaults,
                                Problems& problems) {
  ServerTunnel tunnel;
  tunnel.name = entry.key;
  tunnel.alpns = top.alpns;
  Fields fields(entry.value, entry.place, "tunnel " + in_quotes(entry.key), problems);
  read_tunnel(fields, tunnel, defaults);
  fields.require("address");
  fields.read_list("address", tunnel.addresses, parse_tunnel_address);
  fields.read_list("pool", tunnel.pool, parse_prefix);
  std::vector<Located<packet::Prefix>> routes;
  fields.read_list("routes", routes, parse_prefix);
  for (const auto& route : routes) tunnel.routes.push_back(route.value);

  std::optional<Located<packet::SocketAddress>> listen = top.listen;
  fields.read("listen", listen, parse_listen);
  if (listen) {
    tunnel.listen = *listen;
  } else {
    problems.error(tunnel.place, "{} has no address to listen on (say listen: at the top or here)", fields.what());
  }
  read_alpns(fields, tunnel.alpns);
  fields.read_list("dns", tunnel.dns, parse_name_server);
  fields.read("policy", tunnel.policy, parse_policy);
  static constexpr std::array<std::string_view, 5> client_keys = {"server", "links", "class", "masquerade",
                                                                  "accept_routes"};
  fields.refuse(client_keys, "belongs to a client (role: client)");
  fields.finish();
  return tunnel;
}

Client read_client_entry(const Entry& entry, Problems& problems) {
  Client client{entry.key, entry.place, {}, {}, {}};
  if (const auto valid = parse_name(entry.key); !valid) problems.error(entry.place, "{}", valid.error().message);
  Fields fields(entry.value, entry.place, "client " + in_quotes(entry.key), problems);
  fields.read_list("tunnels", client.tunnels, parse_name);
  fields.read_list("prefixes", client.prefixes, parse_prefix);
  fields.read_list("addresses", client.addresses, parse_host);
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

void complete(ServerTunnel& tunnel, bool leads_out) {
  const bool no_pool = tunnel.pool.empty(), no_routes = tunnel.routes.empty();
  for (const auto& [address, place] : tunnel.addresses) {
    const packet::Prefix network = address.network();
    if (no_pool) tunnel.pool.emplace_back(network, place);
    tunnel.routes.push_back(network);  // there clients are answered from
    if (no_routes && leads_out) tunnel.routes.push_back(packet::Prefix::everything(network.address().family()));
  }
  std::ranges::sort(tunnel.routes);  // what holds another comes before it
  std::vector<packet::Prefix> widest;
  for (const packet::Prefix& route : tunnel.routes) {
    if (widest.empty() || !widest.back().contains(route)) widest.push_back(route);
  }
  tunnel.routes = std::move(widest);
}

ServerConfig read_server(Fields& top, const Defaults& defaults) {
  ServerConfig server;
  top.require("clients");
  for (const Entry& entry : top.read_named("clients")) {
    server.clients.push_back(read_client_entry(entry, top.problems()));
  }
  server.tls = read_server_tls(top, defaults.folder, server.knows_tokens());

  TopOfServer of_all;
  top.read("listen", of_all.listen, parse_listen);
  read_alpns(top, of_all.alpns);
  top.require("tunnels");
  for (const Entry& entry : top.read_named("tunnels")) {
    server.tunnels.push_back(read_server_tunnel(entry, of_all, defaults, top.problems()));
  }
  server.egress = read_egress(top);
  for (ServerTunnel& tunnel : server.tunnels) complete(tunnel, server.egress.has_value());
  top.read("between_clients", server.between_clients, parse_bool);
  top.read("state", server.state, [&](std::string_view text) { return parse_file(text, defaults.folder); });
  for (const Node* node : top.read_maps("forward")) server.forwards.push_back(read_forward(*node, top.problems()));
  static constexpr std::array<std::string_view, 5> client_keys = {"server", "links", "lans", "classify", "token"};
  top.refuse(client_keys, "belongs to a client (role: client)");
  return server;
}

}  // namespace mpquic::config
