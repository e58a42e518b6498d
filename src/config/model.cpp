#include "config/model.h"

#include <algorithm>
#include <cassert>

namespace mpquic::config {

std::string_view name(Role role) { return role == Role::client ? "client" : "server"; }

std::string_view name(Alpn alpn) {
  switch (alpn) {
    case Alpn::mpquic_ip: return "mpquic-ip";
    case Alpn::h3: return "h3";
  }
  return {};
}

std::string_view name(CongestionControl control) { return control == CongestionControl::bbr ? "bbr" : "cubic"; }

std::string_view name(TrafficClass traffic_class) {
  switch (traffic_class) {
    case TrafficClass::critical: return "critical";
    case TrafficClass::default_: return "default";
    case TrafficClass::bulk: return "bulk";
  }
  return {};
}

std::string_view name(PathPolicy policy) {
  switch (policy) {
    case PathPolicy::failover: return "failover";
    case PathPolicy::balanced: return "balanced";
    case PathPolicy::bonded: return "bonded";
    case PathPolicy::redundant: return "redundant";
  }
  return {};
}

const packet::InterfaceAddress& Tunnel::ipv4() const {
  const auto found = std::ranges::find_if(addresses, [](const auto& one) { return one->address.is_ipv4(); });
  assert(found != addresses.end());
  return found->value;
}

bool ClientTunnel::speaks(Alpn alpn) const {
  return std::ranges::any_of(paths, [&](const Path& path) { return path.alpn == alpn; });
}

bool ServerTunnel::speaks(Alpn alpn) const { return std::ranges::find(alpns, alpn) != alpns.end(); }

bool Client::may_use(std::string_view tunnel) const {
  if (!tunnels) return true;
  return std::ranges::any_of(*tunnels, [&](const auto& allowed) { return allowed.value == tunnel; });
}

std::vector<packet::Prefix> Client::owned() const {
  std::vector<packet::Prefix> all;
  for (const auto& prefix : prefixes) all.push_back(prefix.value);
  for (const auto& address : addresses) all.emplace_back(address.value);
  return all;
}

bool ClientConfig::speaks(Alpn alpn) const {
  return std::ranges::any_of(tunnels, [&](const ClientTunnel& tunnel) { return tunnel.speaks(alpn); });
}

const Link* ClientConfig::find_link(std::string_view wanted) const {
  const auto link = std::ranges::find(links, wanted, &Link::name);
  return link == links.end() ? nullptr : &*link;
}

bool ServerConfig::knows_tokens() const {
  return std::ranges::any_of(clients, [](const Client& client) { return client.token.has_value(); });
}

std::vector<packet::SocketAddress> ServerConfig::listen_addresses() const {
  std::vector<packet::SocketAddress> all;
  for (const ServerTunnel& tunnel : tunnels) all.push_back(tunnel.listen);
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
  return all;
}

std::string PortRange::to_string() const {
  return first == last ? std::to_string(first) : std::to_string(first) + "-" + std::to_string(last);
}

}  // namespace mpquic::config
