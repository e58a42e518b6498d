#include <algorithm>
#include <array>
#include <variant>

#include "config/classify.h"
#include "config/device_reader.h"
#include "config/path_reader.h"
#include "config/role_reader.h"
#include "config/tls_reader.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

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

struct Links {
  std::vector<Link> all;
  PathDefaults defaults;
};

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
    fields.read_list("dns", link.dns, parse_name_server);
    fields.read("metered", link.metered, parse_bool);
    links.defaults[entry.key].read(fields);
    fields.finish();
    links.all.push_back(std::move(link));
  }
  return links;
}

// The server gives them: where the file says so and, over h3, where it says nothing.
void read_addresses(Fields& fields, ClientTunnel& tunnel, Alpn alpn) {
  std::vector<Located<std::optional<packet::InterfaceAddress>>> given;
  if (alpn == Alpn::mpquic_ip) fields.require("address");
  fields.read_list("address", given, parse_address_or_auto);
  tunnel.auto_address = alpn == Alpn::h3 && !fields.has("address");
  for (const auto& [address, place] : given) {
    if (address) {
      tunnel.addresses.emplace_back(*address, place);
    } else if (given.size() > 1) {
      fields.problems().error(place, "address: auto stands alone");
    } else if (alpn == Alpn::mpquic_ip) {
      fields.problems().error(place, "address: auto needs alpn: h3, since mpquic-ip has no way to hand out addresses");
    } else {
      tunnel.auto_address = true;
    }
  }
}

void read_accepted_routes(Fields& fields, ClientTunnel& tunnel, Alpn alpn) {
  std::vector<Located<std::variant<bool, packet::Prefix>>> given;
  fields.read_list("accept_routes", given, parse_accepted);
  if (given.empty()) return;
  const bool all = std::ranges::any_of(given, [](const auto& one) { return one.value == decltype(one.value)(true); });
  if (!all) tunnel.accept_routes.clear();
  for (const auto& [accepted, place] : given) {
    if (const auto* prefix = std::get_if<packet::Prefix>(&accepted)) {
      tunnel.accept_routes.push_back(*prefix);
    } else if (given.size() > 1) {
      fields.problems().error(place, "accept_routes: true and false stand alone");
    }
  }
  if (alpn == Alpn::mpquic_ip) {
    fields.problems().warning(given.front().place, "accept_routes has no effect: over mpquic-ip no routes are told");
  }
}

}  // namespace

ClientConfig read_client(Fields& top, const Defaults& defaults) {
  ClientConfig client;
  client.tls = read_client_tls(top, defaults.folder);
  top.read("token", client.token, [&](std::string_view text) { return parse_file(text, defaults.folder); });

  Destination destination;
  destination.read(top);
  Links links = read_links(top);

  top.require("tunnels");
  for (const Entry& entry : top.read_named("tunnels")) {
    ClientTunnel tunnel;
    tunnel.name = entry.key;
    Fields fields(entry.value, entry.place, "tunnel " + in_quotes(entry.key), top.problems());
    read_tunnel(fields, tunnel, defaults);
    Destination own;
    own.read(fields);
    read_paths(fields, tunnel, links.defaults, own, destination);
    // Where no link is known, what the others have left to say of it is not missed.
    const Alpn alpn = tunnel.paths.empty() ? own.or_else(destination).alpn.value_or(Alpn()) : tunnel.paths.front().alpn;
    read_addresses(fields, tunnel, alpn);
    read_accepted_routes(fields, tunnel, alpn);
    fields.read("class", tunnel.traffic_class, parse_class);
    fields.read("masquerade", tunnel.masquerade, parse_bool);
    fields.read("dns", tunnel.dns, parse_handed_out_dns);
    static constexpr std::array<std::string_view, 3> server_keys = {"listen", "pool", "routes"};
    fields.refuse(server_keys, "belongs to a server (role: server)");
    fields.finish();
    client.tunnels.push_back(std::move(tunnel));
  }
  client.links = std::move(links.all);
  client.lans = read_lans(top);
  client.classify = read_classify(top, client.tunnels, client.lans);

  static constexpr std::array<std::string_view, 6> server_keys = {"listen",  "clients",         "egress",
                                                                  "forward", "between_clients", "state"};
  top.refuse(server_keys, "belongs to a server (role: server)");
  return client;
}

}  // namespace mpquic::config
