#include "config/describe.h"

#include <fmt/ranges.h>

#include <iterator>

namespace mpquic::config {
namespace {

class Lines {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

template <class T>
std::string joined(const std::vector<Located<T>>& values) {
  std::string text;
  for (const Located<T>& value : values) {
    if (!text.empty()) text += ", ";
    if constexpr (std::is_same_v<T, std::string>) {
      text += value.value;
    } else {
      text += value->to_string();
    }
  }
  return text;
}

std::string mtu_and_congestion(const Tunnel& tunnel) {
  const std::string mtu = tunnel.mtu ? fmt::format("MTU {}", *tunnel.mtu) : "MTU as the path allows";
  return fmt::format("{}, congestion control {}", mtu, name(tunnel.congestion));
}

template <class T>
void add_list(std::string& text, std::string_view what, const std::vector<Located<T>>& values) {
  if (values.empty()) return;
  text += fmt::format("{}{} ", text.empty() ? "" : ", ", what);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) text += "|";
    if constexpr (std::is_same_v<T, std::string>) {
      text += values[i].value;
    } else if constexpr (std::is_integral_v<T>) {
      text += std::to_string(values[i].value);
    } else {
      text += values[i]->to_string();
    }
  }
}

std::string in_words(const Traffic& traffic) {
  std::string text;
  add_list(text, "interface", traffic.interfaces);
  add_list(text, "VLAN", traffic.vlans);
  add_list(text, "from", traffic.sources);
  add_list(text, "to", traffic.destinations);
  if (traffic.protocol) text += fmt::format("{}protocol {}", text.empty() ? "" : ", ", traffic.protocol->value);
  add_list(text, "source port", traffic.source_ports);
  add_list(text, "destination port", traffic.destination_ports);
  add_list(text, "DSCP", traffic.dscp);
  return text.empty() ? "everything" : text;
}

std::string in_words(const std::string& interface, const std::optional<Vlan>& vlan) {
  if (!vlan) return "interface " + interface;
  return fmt::format("interface {}, VLAN {} on {}", interface, vlan->id, vlan->parent);
}

std::string accepted(const std::vector<packet::Prefix>& prefixes) {
  if (prefixes == ClientTunnel().accept_routes) return "all routes that the server advertises";
  if (prefixes.empty()) return "no routes from the server";
  std::vector<Located<packet::Prefix>> listed(prefixes.begin(), prefixes.end());
  return "what the server advertises of " + joined(listed);
}

std::string listed(const std::vector<Alpn>& alpns) {
  std::string text;
  for (const Alpn alpn : alpns) text += fmt::format("{}{}", text.empty() ? "" : " or ", name(alpn));
  return text;
}

std::string name_servers_of(const Link& link) {
  if (!link.dns.empty()) return joined(link.dns);
  return "the DNS servers of its DHCP lease, or else this machine's";
}

void describe_client(const ClientConfig& client, Lines& lines) {
  const ClientTls& tls = client.tls;
  if (tls.insecure_skip_verify) {
    lines.add("  the server's certificate is NOT verified");
  } else {
    lines.add("  the server must be \"{}\", certified by {}", tls.server_name, tls.ca->value.string());
  }
  if (tls.certificate) {
    lines.add("  shows the certificate {}", tls.certificate->value.string());
  } else if (!client.token) {
    lines.add("  shows no certificate: only an open server lets it in");
  }
  if (client.token) lines.add("  shows the token in {}", client.token->value.string());
  for (const Link& link : client.links) {
    lines.add("link {}: {}{}{}{}", link.name,
              link.interface.empty() ? "any interface" : in_words(link.interface, link.vlan),
              link.source ? ", sends from " + link.source->value.to_string() : "",
              link.dns.empty() ? "" : ", asks the DNS servers " + joined(link.dns), link.metered ? ", metered" : "");
  }
  for (const Lan& lan : client.lans) {
    lines.add("lan {}: {}{}{}", lan.name, in_words(lan.interface, lan.vlan), lan.addresses.empty() ? "" : ", has ",
              joined(lan.addresses));
  }
  for (const ClientTunnel& tunnel : client.tunnels) {
    lines.add("tunnel {}: {}", tunnel.name, tunnel.auto_address ? "as the server says" : joined(tunnel.addresses));
    lines.add("  class {}, {}", name(tunnel.traffic_class), mtu_and_congestion(tunnel));
    if (tunnel.policy) lines.add("  policy {}", name(tunnel.policy->value));
    for (const Path& path : tunnel.paths) {
      lines.add("  path over link {} to server {}, {}{}", path.link.value, path.server->to_string(), name(path.alpn),
                tunnel.policy ? fmt::format(", priority {}, weight {}", path.priority, path.weight) : "");
      if (path.server->is_name()) {
        lines.add("    {} is asked for over link {}: {}", path.server->host, path.link.value,
                  name_servers_of(*client.find_link(path.link.value)));
      }
    }
    if (tunnel.dns == HandedOutDns::resolved) {
      lines.add("  DNS servers that the server hands out are set with systemd-resolved");
    }
    if (tunnel.speaks(Alpn::h3)) lines.add("  takes {}", accepted(tunnel.accept_routes));
    if (tunnel.masquerade) {
      lines.add("  hosts behind the box appear as {}",
                tunnel.auto_address ? "its address" : tunnel.addresses.front()->address.to_string());
    }
  }
  for (const ClassRule& rule : client.classify) {
    lines.add("traffic of {}: tunnel {}{}, while it is down {}", in_words(rule.traffic), rule.tunnel.value,
              rule.policy ? fmt::format(" with policy {}", name(rule.policy->value)) : "",
              rule.fallback ? rule.fallback->value : "none");
  }
}

void describe_server(const ServerConfig& server, Lines& lines) {
  const ServerTls& tls = server.tls;
  lines.add("  shows the certificate {}", tls.certificate->value.string());
  if (tls.client_auth == ClientAuth::none) {
    lines.add("  OPEN: clients need no certificate");
  } else if (tls.client_ca) {
    lines.add("  clients must be certified by {}{}", tls.client_ca->value.string(),
              server.knows_tokens() ? ", or have a token" : "");
    if (tls.crl) lines.add("  certificates are revoked by {}", tls.crl->value.string());
  } else {
    lines.add("  clients must have a token");
  }
  for (const ServerTunnel& tunnel : server.tunnels) {
    lines.add("tunnel {}: {}", tunnel.name, joined(tunnel.addresses));
    lines.add("  listens on {}, {}, {}", tunnel.listen->to_string(), listed(tunnel.alpns), mtu_and_congestion(tunnel));
    if (tunnel.speaks(Alpn::h3)) {
      const std::vector<Located<packet::Prefix>> routes(tunnel.routes.begin(), tunnel.routes.end());
      lines.add("  hands out addresses of {}, advertises {}", joined(tunnel.pool), joined(routes));
    }
    if (!tunnel.dns.empty()) lines.add("  hands out the DNS servers {}", joined(tunnel.dns));
    if (tunnel.policy) lines.add("  uses the paths of clients with policy {}", name(tunnel.policy->value));
  }
  for (const Client& client : server.clients) {
    const std::string_view everybody =
        tls.client_auth == ClientAuth::none ? "* (anybody)" : "* (everybody certified who has no entry)";
    const std::string fixed = joined(client.addresses), prefixes = joined(client.prefixes);
    lines.add("client {}: owns {}{}{}", client.name == anybody ? everybody : client.name, prefixes,
              prefixes.empty() || fixed.empty() ? "" : ", ",
              prefixes.empty() && fixed.empty() ? "what it is given" : fixed);
    lines.add("  may use {}", client.tunnels ? "tunnels " + joined(*client.tunnels) : "all tunnels");
  }
  lines.add("clients {} each other", server.between_clients ? "reach" : "do not reach");
  if (server.egress) {
    lines.add("tunnels lead out by {}{}", server.egress->interface,
              server.egress->masquerade ? ", as its address" : "");
  }
  for (const PortForward& forward : server.forwards) {
    lines.add("{} port {} goes to {}{}", forward.protocol == 6 ? "TCP" : "UDP", forward.ports.to_string(),
              forward.to->to_string(), forward.to_port ? fmt::format(", port {}", *forward.to_port) : "");
  }
}

}  // namespace

std::string describe(const Configuration& configuration) {
  Lines lines;
  lines.add("{} {}", configuration.client() ? "client" : "server", configuration.name);
  lines.add("  control socket {}", configuration.control.string());
  lines.add("  workers: {}", configuration.workers ? std::to_string(*configuration.workers) : "as many as are useful");
  if (const auto& management = configuration.management) {
    lines.add("  managed by {}, which is left alone", in_words(management->interface, management->vlan));
  }
  if (const auto* client = configuration.client()) describe_client(*client, lines);
  if (const auto* server = configuration.server()) describe_server(*server, lines);
  return lines.take();
}

}  // namespace mpquic::config
