#include "config/check_ownership.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/overlap.h"

namespace mpquic::config {
namespace {

void check_pool(const ServerTunnel& tunnel, Problems& problems) {
  if (!tunnel.speaks(Alpn::h3)) return;
  for (const auto& pool : tunnel.pool) {
    const bool inside =
        std::ranges::any_of(tunnel.addresses, [&](const auto& own) { return own->network().contains(pool.value); });
    if (inside || tunnel.addresses.empty()) continue;
    problems.error(pool.place, "pool: {} lies in no network of tunnel {}", pool->to_string(), in_quotes(tunnel.name));
  }
}

// An address inside a prefix of the same client is what one would expect.
void check_overlaps(const std::vector<Client>& clients, Problems& problems) {
  std::vector<Claim> claims;
  std::set<Place> addresses;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (const auto& [prefix, place] : clients[i].prefixes) claims.push_back({prefix, place, i});
    for (const auto& [address, place] : clients[i].addresses) {
      claims.push_back({packet::Prefix(address), place, i});
      addresses.insert(place);
    }
  }
  for_each_overlap(std::move(claims), [&](const Claim& claim, const Claim& other) {
    const bool is_address = addresses.contains(claim.place);
    const std::string what =
        is_address ? "address " + claim.prefix.address().to_string() : "prefix " + claim.prefix.to_string();
    if (claim.owner != other.owner) {
      problems.error(claim.place, "{} of client {} overlaps {} of client {} (line {}, column {})", what,
                     in_quotes(clients[claim.owner].name), other.prefix.to_string(),
                     in_quotes(clients[other.owner].name), other.place.line, other.place.column);
    } else if (is_address && addresses.contains(other.place)) {
      problems.error(claim.place, "{} is doubled", what);
    } else if (!is_address && !addresses.contains(other.place)) {
      problems.warning(claim.place, "{} overlaps {} of the same client (line {})", what, other.prefix.to_string(),
                       other.place.line);
    }
  });
}

/// Why the address can't be this client's; empty: it can.
std::string obstacle(const packet::Address& address, const Client& client, const ServerConfig& server) {
  if (client.name == anybody) return "is for one client, and \"*\" stands for many";
  bool has_network = false;
  for (const ServerTunnel& tunnel : server.tunnels) {
    for (const auto& own : tunnel.addresses) {
      if (own->address == address) return "is the server's own";
      if (!own->network().contains(address) || !client.may_use(tunnel.name)) continue;
      if (own->network().reserves(address)) return "is none of a host in " + own->network().to_string();
      has_network = true;
    }
  }
  return has_network ? "" : "lies in no network of a tunnel that the client may use";
}

void check_addresses(const Client& client, const ServerConfig& server, Problems& problems) {
  for (const auto& [address, place] : client.addresses) {
    const std::string reason = obstacle(address, client, server);
    if (!reason.empty()) problems.error(place, "addresses: {} {}", address.to_string(), reason);
  }
}

// Whoever is handed an address owns that; over mpquic-ip nobody is.
void check_owns_something(const Client& client, const ServerConfig& server, Problems& problems) {
  if (!client.owned().empty()) return;
  const bool is_given = std::ranges::any_of(server.tunnels, [&](const ServerTunnel& tunnel) {
    return client.may_use(tunnel.name) && tunnel.speaks(Alpn::h3);
  });
  if (is_given || server.tunnels.empty()) return;
  problems.error(client.place, "client {} owns nothing: over mpquic-ip it needs prefixes", in_quotes(client.name));
}

}  // namespace

void check_ownership(const ServerConfig& server, Problems& problems) {
  for (const ServerTunnel& tunnel : server.tunnels) check_pool(tunnel, problems);
  check_overlaps(server.clients, problems);
  for (const Client& client : server.clients) {
    check_addresses(client, server, problems);
    check_owns_something(client, server, problems);
  }
}

}  // namespace mpquic::config
