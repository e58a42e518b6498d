// The node as it says that it is: which tunnels are down, and why.
#include <algorithm>
#include <cerrno>
#include <string_view>

#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

struct Hint {
  std::string_view reason;  ///< part of what a tunnel says of its state
  std::string_view mend;
};

constexpr Hint hints[] = {
    {"certificate is refused",
     "mpquic cert show the server's certificate: signed by the `ca` of this box, made out to its `server_name`?"},
    {"refused us",
     "mpquic cert show this box's certificate: signed by the server's `client_ca`, and its name under `clients` "
     "there?"},
    {"which it does not own", "at the server: clients: add the tunnel's `address` to the client's `prefixes`"},
    {"newer connection has this tunnel address", "two boxes have the same tunnel `address`: give each its own"},
    {"closed by the other end", "see the server's log"},
};

std::string mend_of(std::string_view reason) {
  const auto hint =
      std::ranges::find_if(hints, [&](const Hint& one) { return reason.find(one.reason) != std::string_view::npos; });
  return hint == std::end(hints) ? std::string() : std::string(hint->mend);
}

/// Of a client's tunnel that is up; over several links, not all may be.
void examine_links(const control::TunnelStatus& tunnel, Findings& findings) {
  std::string ways;
  for (const control::ConnectionStatus& connection : tunnel.connections) {
    if (connection.state == "up") {
      ways += fmt::format("{}{}, {:.1f} ms, ", ways.empty() ? "" : "and ", connection.link,
                          static_cast<double>(connection.rtt_us) / 1000);
      continue;
    }
    const std::string why = connection.detail.empty() ? "" : ": " + connection.detail;
    findings.push_back(
        {Severity::warning,
         fmt::format("tunnel {}, over link {}, is {}{}", tunnel.name, connection.link, connection.state, why),
         mend_of(connection.detail)});
  }
  findings.push_back({Severity::ok, fmt::format("tunnel {}: up over {}MTU {}", tunnel.name, ways, tunnel.mtu), {}});
}

void examine_tunnel(const control::TunnelStatus& tunnel, bool is_server, Findings& findings) {
  if (tunnel.state != "up") {
    const std::string why = tunnel.detail.empty() ? "" : ": " + tunnel.detail;
    findings.push_back({Severity::problem,
                        fmt::format("tunnel {}, over link {} to {}, is down, {}{}", tunnel.name, tunnel.link,
                                    tunnel.server, tunnel.state, why),
                        mend_of(tunnel.detail)});
  } else if (is_server) {
    findings.push_back(
        {Severity::ok,
         fmt::format("tunnel {}: {} connected, MTU {}", tunnel.name, control::client_count(tunnel), tunnel.mtu),
         {}});
  } else {
    examine_links(tunnel, findings);
  }
}

}  // namespace

void examine_node(const config::Configuration& configuration, const Observations& seen, Findings& findings) {
  if (seen.node_unknown) return;
  if (!seen.node) {
    findings.push_back({Severity::warning, fmt::format("the node {} does not run", configuration.name),
                        fmt::format("mpquic run {}.yaml", configuration.name)});
    return;
  }
  for (const auto& tunnel : seen.node->tunnels) examine_tunnel(tunnel, configuration.server() != nullptr, findings);
}

void examine_listening(const Observations& seen, Findings& findings) {
  for (const ListenAddress& listen : seen.listens) {
    const std::string address = listen.address.to_string();
    const auto problem = [&](std::string what, std::string mend) {
      findings.push_back({Severity::problem, std::move(what), std::move(mend)});
    };
    if (listen.error == EADDRINUSE) {
      const bool ours = seen.node && listen.holder && listen.holder->pid == seen.node->pid;
      if (ours || (seen.node && !listen.holder)) continue;
      const std::string holder = listen.holder ? listen.holder->to_string() : "another process";
      problem(fmt::format("UDP {} is taken by {}", address, holder), "stop that, or say another `listen`");
    } else if (listen.error == EADDRNOTAVAIL) {
      problem(fmt::format("this machine has no address {} to listen on", listen.address.address.to_string()),
              fmt::format("listen: 0.0.0.0:{}, or give the address to an interface", listen.address.port));
    } else if (listen.error == EACCES) {
      problem(fmt::format("UDP {} may not be listened on without privilege", address),
              "a port from 1024 up, or CAP_NET_BIND_SERVICE for mpquic");
    } else if (listen.error != 0) {
      problem(fmt::format("UDP {}: {}", address, std::generic_category().message(listen.error)), {});
    } else if (seen.node) {
      problem(fmt::format("the node runs and does not listen on {}, which the configuration names", address),
              "restart it: it runs with an older configuration");
    }
  }
}

}  // namespace mpquic::doctor
