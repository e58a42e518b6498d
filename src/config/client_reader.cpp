#include <array>
#include <map>

#include "config/classify.h"
#include "config/device_reader.h"
#include "config/role_reader.h"
#include "config/suggest.h"
#include "config/tls_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

/// What may stand at the top, on a link and on a tunnel; the nearer one wins, a tunnel being nearest.
struct Destination {
  std::optional<Located<packet::SocketAddress>> server;
  std::optional<Alpn> alpn;

  void read(Fields& fields) {
    fields.read("server", server, parse_server);
    fields.read("alpn", alpn, parse_alpn);
  }
  Destination or_else(const Destination& further) const {
    return {server ? server : further.server, alpn ? alpn : further.alpn};
  }
};

struct Links {
  std::vector<Link> all;
  std::map<std::string_view, Destination> destinations;  // keys stand in the document
};

// With the length of its network it is also what systemd-networkd gives the interface.
void read_link_address(Fields& fields, Link& link) {
  std::optional<Located<LinkAddress>> address;
  fields.read("address", address, parse_link_address);
  fields.read("gateway", link.gateway, parse_host);
  if (address) {
    link.source = {address->value.address, address->place};
    link.source_length = address->value.length;
  }
  if (link.gateway && !link.source_length) {
    fields.problems().error(link.gateway->place, "a gateway goes with an address and the length of its network");
  }
}

Links read_links(Fields& top) {
  Links links;
  top.require("links");
  for (const Entry& entry : top.read_named("links")) {
    Link link{entry.key, entry.place, {}, {}};
    if (const auto valid = parse_name(entry.key); !valid)
      top.problems().error(entry.place, "{}", valid.error().message);
    Fields fields(entry.value, entry.place, "link " + in_quotes(entry.key), top.problems());
    if (!fields.has("address")) fields.require("interface");
    read_device(fields, link.interface, link.vlan);
    read_link_address(fields, link);
    links.destinations[entry.key].read(fields);
    fields.finish();
    links.all.push_back(std::move(link));
  }
  return links;
}

// One path for each link that the tunnel names, with what this link and the top leave open decided.
void read_paths(Fields& fields, ClientTunnel& tunnel, const Links& links, const Destination& top) {
  Destination own;
  own.read(fields);
  std::vector<Located<std::string>> names;
  fields.require("links");
  fields.read_list("links", names, parse_name);
  if (names.size() > 1) {
    fields.problems().error(names[1].place, "more than one link per tunnel is not supported by this version");
  }
  for (const Located<std::string>& name : names) {
    const auto link = links.destinations.find(name.value);
    if (link == links.destinations.end()) {
      fields.problems().error(name.place, "no link is named {}{}", in_quotes(name.value),
                              did_you_mean(name.value, names_of(links.all)));
      continue;
    }
    const Destination path = own.or_else(link->second).or_else(top);
    if (!path.server) {
      fields.problems().error(tunnel.place, "{} has no server (say server: at the top, on link {} or here)",
                              fields.what(), in_quotes(name.value));
    }
    tunnel.paths.push_back({name, path.server.value_or(packet::SocketAddress()), path.alpn.value_or(Alpn())});
  }
}

}  // namespace

ClientConfig read_client(Fields& top, const Defaults& defaults) {
  ClientConfig client;
  client.tls = read_client_tls(top, defaults.folder);
  top.read("token", client.token, [&](std::string_view text) { return parse_file(text, defaults.folder); });

  Destination destination{{}, defaults.alpn};
  top.read("server", destination.server, parse_server);
  Links links = read_links(top);

  top.require("tunnels");
  for (const Entry& entry : top.read_named("tunnels")) {
    ClientTunnel tunnel;
    tunnel.name = entry.key;
    Fields fields(entry.value, entry.place, "tunnel " + in_quotes(entry.key), top.problems());
    read_tunnel(fields, tunnel, defaults);
    read_paths(fields, tunnel, links, destination);
    fields.read("class", tunnel.traffic_class, parse_class);
    fields.read("masquerade", tunnel.masquerade, parse_bool);
    static constexpr std::array<std::string_view, 1> server_keys = {"listen"};
    fields.refuse(server_keys, "belongs to a server (role: server)");
    fields.finish();
    client.tunnels.push_back(std::move(tunnel));
  }
  client.links = std::move(links.all);
  client.lans = read_lans(top);
  client.classify = read_classify(top, client.tunnels, client.lans);

  static constexpr std::array<std::string_view, 4> server_keys = {"listen", "clients", "egress", "forward"};
  top.refuse(server_keys, "belongs to a server (role: server)");
  return client;
}

}  // namespace mpquic::config
