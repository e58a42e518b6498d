#include "daemon/server_peers.h"

namespace mpquic::daemon {

std::vector<peers::Peer> peers_of(const config::ServerConfig& configuration) {
  std::vector<peers::Peer> known;
  for (const config::Client& client : configuration.clients) {
    peers::Peer peer{.name = client.name, .prefixes = client.owned(), .tunnels = {}};
    for (const auto& address : client.addresses) peer.addresses.push_back(address.value);
    if (client.token) peer.token_hash = client.token->value;
    for (const auto& tunnel : configuration.tunnels) {
      if (client.may_use(tunnel.name)) peer.tunnels.insert(tunnel.name);
    }
    known.push_back(std::move(peer));
  }
  return known;
}

std::map<std::string, peers::TunnelPool> pools_of(const config::ServerConfig& configuration) {
  std::map<std::string, peers::TunnelPool> pools;
  for (const config::ServerTunnel& tunnel : configuration.tunnels) {
    if (!tunnel.speaks(config::Alpn::h3)) continue;
    peers::TunnelPool& pool = pools[tunnel.name];
    for (const auto& address : tunnel.addresses) pool.own.push_back(address.value);
    for (const auto& prefix : tunnel.pool) pool.prefixes.push_back(prefix.value);
  }
  return pools;
}

}  // namespace mpquic::daemon
