// The way to the servers: does anybody answer, and how large may packets be?
#include <algorithm>

#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

using Outcome = ProbedPath::Outcome;

std::string way_of(const ProbedPath& path) {
  return fmt::format("link {}: the server {}", path.link, path.server.to_string());
}

std::size_t header_size(const ProbedPath& path) { return path.server.address.is_ipv4() ? 28 : 48; }

// A strict check drops answers that come in where the main table's route does not lead (RFC 3704, 2.2). The node makes
// it a loose one when it starts.
bool drops_answers(const ProbedPath& path, const Observations& seen) {
  const std::string own = seen.sysctl("net/ipv4/conf/" + path.interface + "/rp_filter");
  const std::string all = seen.sysctl("net/ipv4/conf/all/rp_filter");
  return path.server.address.is_ipv4() && std::max(own, all) == "1";
}

bool stands(const config::ClientConfig& client, const ProbedPath& path, const Observations& seen) {
  if (!seen.node) return false;
  return std::ranges::any_of(seen.node->tunnels, [&](const control::TunnelStatus& tunnel) {
    const auto known = std::ranges::find(client.tunnels, tunnel.name, &config::ClientTunnel::name);
    return tunnel.state == "up" && known != client.tunnels.end() &&
           std::ranges::any_of(known->paths, [&](const config::Path& one) {
             const auto servers = seen.servers_of(one);
             return one.link.value == path.link && std::ranges::find(servers, path.server) != servers.end();
           });
  });
}

Finding silence(const ProbedPath& path, const Observations& seen) {
  if (path.small_answered) {
    return {Severity::problem,
            fmt::format("{} answers small packets, but none of {} bytes and more comes through: QUIC needs those",
                        way_of(path), 1200 + header_size(path)),
            "a tunnel or PPPoE on the way without room: its MTU must be 1280 or more"};
  }
  if (drops_answers(path, seen)) {
    return {Severity::problem,
            fmt::format("{} does not answer; or this machine drops its answers: rp_filter is strict on {}",
                        way_of(path), path.interface),
            fmt::format("sysctl -w net.ipv4.conf.{}.rp_filter=2", path.interface)};
  }
  return {Severity::problem,
          fmt::format("{} does not answer: filtered on the way, down, or another address or port", way_of(path)),
          fmt::format("at the server: tcpdump -ni any udp port {}; if packets come in there, its firewall",
                      path.server.port)};
}

Finding verdict(const ProbedPath& path, const Observations& seen) {
  switch (path.outcome) {
    case Outcome::answered:
      return {Severity::ok,
              fmt::format("{} answers, in {:.1f} ms, packets of up to {} bytes", way_of(path),
                          std::chrono::duration<double, std::milli>(path.round_trip).count(),
                          path.answered.back() + header_size(path)),
              {}};
    case Outcome::refused:
      return {Severity::problem,
              fmt::format("{} refuses: its machine is there, and nobody listens on UDP port {}", way_of(path),
                          path.server.port),
              "start mpquic there; is its `listen` this address and port? does a firewall reject?"};
    case Outcome::unreachable:
      return {Severity::problem, fmt::format("{} is out of reach: {}", way_of(path), path.detail),
              fmt::format("ip route get {} oif {}", path.server.address.to_string(), path.interface)};
    case Outcome::forbidden:
      return {Severity::problem,
              fmt::format("{} can't be reached: the firewall of this machine lets no packet out", way_of(path)),
              fmt::format("nft list ruleset: what drops UDP to port {} on its way out by {}?", path.server.port,
                          path.interface)};
    case Outcome::silent: return silence(path, seen);
  }
  return {};
}

}  // namespace

void examine_names(const Observations& seen, Findings& findings) {
  for (const ServerName& name : seen.names) {
    if (name.addresses) {
      std::string addresses;
      for (const auto& address : *name.addresses) addresses += " " + address.to_string();
      findings.push_back({Severity::ok, fmt::format("link {}: {} is{}", name.link, name.host, addresses), {}});
      continue;
    }
    findings.push_back(
        {Severity::problem, fmt::format("link {}: {}", name.link, name.addresses.error().message),
         fmt::format("the name in `server`; links: {}: dns: ADDRESS names DNS servers to ask over it", name.link)});
  }
}

void examine_reachability(const config::ClientConfig& client, const Observations& seen, Findings& findings) {
  for (const ProbedPath& path : seen.paths) {
    // A tunnel that is up proves more than an answer that did not come.
    if (path.outcome != Outcome::answered && stands(client, path, seen)) {
      findings.push_back({Severity::ok, way_of(path) + " is connected, but answers nobody else", {}});
      continue;
    }
    const unsigned mtu = seen.links.state(path.interface).mtu;
    if (path.answered.empty() && path.silent.empty() && mtu < 1200 + header_size(path)) {
      findings.push_back({Severity::problem,
                          fmt::format("link {}: interface {} has an MTU of {}: QUIC needs {}", path.link,
                                      path.interface, mtu, 1200 + header_size(path)),
                          fmt::format("ip link set {} mtu 1500", path.interface)});
      continue;
    }
    // What is said of the missing gateway explains the silence.
    if (path.outcome == Outcome::silent && !has_way(seen, path.interface, path.server.address)) continue;
    findings.push_back(verdict(path, seen));
  }
}

void examine_path_mtu(const Observations& seen, Findings& findings) {
  for (const ProbedPath& path : seen.paths) {
    if (path.answered.empty() || path.silent.empty()) continue;
    const std::size_t most = path.answered.back() + header_size(path);
    const std::size_t lost = path.silent.front() + header_size(path);
    if (lost <= most) continue;  // one of several was lost by chance
    findings.push_back(
        {Severity::warning,
         fmt::format("link {}: packets of {} bytes vanish on the way to {} and no ICMP says so; those of "
                     "{} arrive. Tunnels find that out and carry less",
                     path.link, lost, path.server.to_string(), most),
         fmt::format("ip link set {} mtu {}, so that everybody knows", path.interface, most)});
  }
}

}  // namespace mpquic::doctor
