#include "config/validate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/check_devices.h"
#include "config/check_ownership.h"
#include "config/check_paths.h"
#include "config/overlap.h"
#include "config/suggest.h"

namespace mpquic::config {
namespace {

bool same_family(const packet::Address& one, const packet::Address& other) { return one.family() == other.family(); }

// Every address is registered, and routed to, by itself, whatever the tunnel.
template <class SomeTunnel>
void check_addresses(const std::vector<SomeTunnel>& tunnels, Problems& problems) {
  std::map<packet::Address, std::pair<Place, std::string_view>> seen;
  for (const SomeTunnel& tunnel : tunnels) {
    for (const auto& [address, place] : tunnel.addresses) {
      const auto [first, is_new] = seen.try_emplace(address.address, place, tunnel.name);
      if (is_new) continue;
      problems.error(place, "address {} is doubled (tunnel {} has it on line {})", address.address.to_string(),
                     in_quotes(first->second.second), first->second.first.line);
    }
    const bool any_ipv4 = std::ranges::any_of(tunnel.addresses, [](const auto& a) { return a->address.is_ipv4(); });
    if (!any_ipv4 && !tunnel.addresses.empty() && tunnel.speaks(Alpn::mpquic_ip)) {
      problems.error(tunnel.addresses.front().place,
                     "tunnel {} has no IPv4 address, by which mpquic-ip tells clients and tunnels apart",
                     in_quotes(tunnel.name));
    }
  }
}

void check_routing_tables(const ClientConfig& client, Problems& problems) {
  std::set<std::pair<std::string_view, std::string_view>> fallbacks;
  for (const ClassRule& rule : client.classify) {
    if (rule.fallback) fallbacks.emplace(rule.tunnel.value, rule.fallback->value);
  }
  const std::size_t count = client.links.size() + client.tunnels.size() + fallbacks.size();
  const std::size_t most = most_routing_tables - (client.speaks(Alpn::h3) ? tables_for_advertised_routes : 0);
  if (count <= most) return;
  problems.error(client.tunnels.empty() ? Place() : client.tunnels.back().place,
                 "links, tunnels and fallbacks are {} together, and there are routing tables for {}", count, most);
}

void check_client(const ClientConfig& client, Problems& problems) {
  check_routing_tables(client, problems);
  check_addresses(client.tunnels, problems);

  std::map<std::string_view, const Link*> links;
  for (const Link& link : client.links) links.emplace(link.name, &link);
  std::set<std::string_view> used;
  for (const ClientTunnel& tunnel : client.tunnels) {
    for (const Path& path : tunnel.paths) {
      used.insert(path.link.value);
      const auto& source = links.at(path.link.value)->source;
      const auto& server = path.server->address;  // of a name it shows when it is looked up
      const bool read = path.server->port != 0 && source && !source->value.is_unspecified();
      if (read && server && !same_family(source->value, *server)) {
        problems.error(source->place, "link {} sends from {}, which can't reach the server {} of tunnel {}",
                       in_quotes(path.link.value), source->value.to_string(), path.server->to_string(),
                       in_quotes(tunnel.name));
      }
    }
  }
  if (client.token && !client.tunnels.empty() && !client.speaks(Alpn::h3)) {
    problems.warning(client.token->place, "token has no effect: over mpquic-ip only certificates say who a client is");
  }
  for (const Link& link : client.links) {
    if (!used.contains(link.name)) problems.warning(link.place, "no tunnel uses link {}", in_quotes(link.name));
  }
}

// A client is sent to the tunnel in whose network its registered address lies, so behind one socket that must be one.
void check_networks(const std::vector<ServerTunnel>& tunnels, Problems& problems) {
  std::map<packet::SocketAddress, std::vector<Claim>> sockets;
  for (std::size_t i = 0; i < tunnels.size(); ++i) {
    for (const auto& [address, place] : tunnels[i].addresses) {
      sockets[tunnels[i].listen].push_back({address.network(), place, i});
    }
  }
  for (auto& [listen, claims] : sockets) {
    if (listen.port == 0) continue;  // could not be read
    for_each_overlap(std::move(claims), [&](const Claim& claim, const Claim& other) {
      if (claim.owner == other.owner) return;
      problems.error(claim.place,
                     "network {} of tunnel {} overlaps {} of tunnel {} (line {}): tunnels that listen on the same {} "
                     "are told apart by their networks",
                     claim.prefix.to_string(), in_quotes(tunnels[claim.owner].name), other.prefix.to_string(),
                     in_quotes(tunnels[other.owner].name), other.place.line, listen.to_string());
    });
  }
}

// One socket serves them all, and which tunnel a connection is for shows only once it stands.
void check_alpns(const std::vector<ServerTunnel>& tunnels, Problems& problems) {
  std::map<packet::SocketAddress, const ServerTunnel*> first;
  for (const ServerTunnel& tunnel : tunnels) {
    const auto [known, is_first] = first.emplace(tunnel.listen.value, &tunnel);
    if (is_first || known->second->alpns == tunnel.alpns) continue;
    std::vector<std::string_view> names;
    for (const Alpn alpn : known->second->alpns) names.push_back(name(alpn));
    problems.error(tunnel.place, "tunnels that listen on the same {} need the same alpn; that of {} (line {}) is [{}]",
                   tunnel.listen->to_string(), in_quotes(known->second->name), known->second->place.line,
                   fmt::join(names, ", "));
  }
}

// As above.
void check_congestion(const std::vector<ServerTunnel>& tunnels, Problems& problems) {
  std::map<packet::SocketAddress, const ServerTunnel*> first;
  for (const ServerTunnel& tunnel : tunnels) {
    const auto [known, is_first] = first.emplace(tunnel.listen.value, &tunnel);
    if (is_first || known->second->congestion == tunnel.congestion) continue;
    problems.error(tunnel.place,
                   "tunnels that listen on the same {} need the same congestion control; that of {} (line {}) is {}",
                   tunnel.listen->to_string(), in_quotes(known->second->name), known->second->place.line,
                   name(known->second->congestion));
  }
}

// [::] takes in IPv4, so 0.0.0.0 with the same port would be a second socket for the same packets.
void check_listen(const std::vector<ServerTunnel>& tunnels, Problems& problems) {
  std::map<std::uint16_t, Place> dual_stack;
  for (const ServerTunnel& tunnel : tunnels) {
    const auto& [listen, place] = tunnel.listen;
    if (!listen.address.is_ipv4() && listen.address.is_unspecified()) dual_stack.emplace(listen.port, place);
  }
  for (const ServerTunnel& tunnel : tunnels) {
    const auto& [listen, place] = tunnel.listen;
    if (listen.port == 0 || !listen.address.is_ipv4() || !listen.address.is_unspecified()) continue;
    if (const auto both = dual_stack.find(listen.port); both != dual_stack.end()) {
      problems.error(place, "{} is taken by [::]:{} (line {}), which takes in IPv4", listen.to_string(), listen.port,
                     both->second.line);
    }
  }
}

// A token says who somebody is only if nobody else has the same.
void check_tokens(const std::vector<Client>& clients, Problems& problems) {
  std::map<std::string_view, const Client*> owners;
  for (const Client& client : clients) {
    if (!client.token || client.token->value.empty()) continue;  // none, or it could not be read
    const Place place = client.token->place;
    if (client.name == anybody) problems.error(place, "a token is one client's, and \"*\" is everybody");
    const auto [owner, is_new] = owners.emplace(client.token->value, &client);
    if (is_new) continue;
    problems.error(place, "client {} (line {}) has this token", in_quotes(owner->second->name),
                   owner->second->token->place.line);
  }
}

// Without client_ca nobody is known by a certificate, which is all that mpquic-ip has.
void check_token_admission(const ServerConfig& server, Problems& problems) {
  if (server.tls.client_auth == ClientAuth::none || server.tls.client_ca || !server.knows_tokens()) return;
  for (const Client& client : server.clients) {
    if (client.token) continue;
    problems.error(client.place, "client {} can't prove who it is: it has no token, and tls has no client_ca",
                   in_quotes(client.name));
  }
  for (const ServerTunnel& tunnel : server.tunnels) {
    if (!tunnel.speaks(Alpn::mpquic_ip)) continue;
    problems.warning(tunnel.place,
                     "nobody gets into tunnel {} over mpquic-ip, which knows no tokens: tls has no client_ca",
                     in_quotes(tunnel.name));
  }
}

// An open server exists only where the file says so twice: client_auth: none, and the entry "*".
void check_admission(const ServerConfig& server, Problems& problems) {
  if (server.tls.client_auth != ClientAuth::none) return;
  bool has_anybody = false;
  for (const Client& client : server.clients) {
    has_anybody |= client.name == anybody;
    if (client.name == anybody || client.token) continue;
    problems.warning(client.place, "client {} is never recognised: with client_auth: none everybody is \"*\"",
                     in_quotes(client.name));
  }
  if (!has_anybody && !server.clients.empty()) {
    problems.error(server.clients.front().place,
                   "client_auth: none needs an entry \"*\" under clients that says what such clients may own");
  }
}

void check_forwards(const ServerConfig& server, Problems& problems) {
  for (auto forward = server.forwards.begin(); forward != server.forwards.end(); ++forward) {
    if (!server.egress) problems.error(forward->place, "a forward needs egress: {{interface: NAME}}, where it arrives");
    const bool owned = std::ranges::any_of(server.clients, [&](const Client& client) {
      return std::ranges::any_of(client.owned(), [&](const auto& own) { return own.contains(forward->to.value); });
    });
    if (!owned && forward->protocol != 0) {
      problems.error(forward->to.place, "no client owns {}", forward->to->to_string());
    }
    constexpr std::uint8_t udp = 17;
    for (const packet::SocketAddress& listen : server.listen_addresses()) {
      const bool same_port = forward->ports.first <= listen.port && listen.port <= forward->ports.last;
      const bool same_version = listen.address.family() == forward->to->family() || listen.address.is_unspecified();
      if (forward->protocol != udp || !same_port || !same_version) continue;
      problems.error(forward->place, "port {} is the one that the server listens on itself", listen.port);
    }
    const auto doubled = std::find_if(server.forwards.begin(), forward, [&](const PortForward& other) {
      const bool apart = other.ports.last < forward->ports.first || forward->ports.last < other.ports.first;
      return other.protocol == forward->protocol && other.to->family() == forward->to->family() && !apart;
    });
    if (doubled != forward) {
      problems.error(forward->place, "port {} is forwarded already (line {})", forward->ports.to_string(),
                     doubled->place.line);
    }
  }
}

void check_server(const ServerConfig& server, Problems& problems) {
  if (server.tunnels.size() > most_routing_tables) {
    problems.error(server.tunnels.back().place, "there are routing tables for {} tunnels", most_routing_tables);
  }
  check_addresses(server.tunnels, problems);
  check_networks(server.tunnels, problems);
  check_listen(server.tunnels, problems);
  check_alpns(server.tunnels, problems);
  check_congestion(server.tunnels, problems);
  check_ownership(server, problems);
  check_admission(server, problems);
  check_tokens(server.clients, problems);
  check_token_admission(server, problems);
  check_forwards(server, problems);

  const auto names = names_of(server.tunnels);
  const std::set<std::string_view> known(names.begin(), names.end());
  for (const Client& client : server.clients) {
    if (!client.tunnels) continue;
    for (const auto& [name, place] : *client.tunnels) {
      if (known.contains(name)) continue;
      problems.error(place, "no tunnel is named {}{}", in_quotes(name), did_you_mean(name, names));
    }
  }
}

}  // namespace

void validate(const Configuration& configuration, Problems& problems) {
  check_devices(configuration, problems);
  check_paths(configuration, problems);
  if (const auto* client = configuration.client()) check_client(*client, problems);
  if (const auto* server = configuration.server()) check_server(*server, problems);
}

}  // namespace mpquic::config
