#include "doctor/observe.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include "base/fd.h"
#include "certs/token.h"
#include "control/query.h"
#include "doctor/names.h"
#include "doctor/probe.h"
#include "io/sockaddr.h"
#include "io/udp_socket.h"
#include "system/dhcp_lease.h"
#include "system/link_monitor.h"
#include "system/netlink.h"
#include "system/nftables.h"
#include "system/routing.h"
#include "system/sysctl.h"

namespace mpquic::doctor {
namespace {

constexpr Duration answer_timeout = std::chrono::seconds(2);

void look_at_node(const config::Configuration& configuration, Observations& seen) {
  auto status = control::query_status(configuration.control, answer_timeout);
  if (status) {
    seen.node = std::move(*status);
    return;
  }
  seen.node_unknown = control::may_be_there(configuration.control);
  if (seen.node_unknown) seen.unseen.push_back("the node: " + status.error().message);
}

void look_at_links(const config::Configuration& configuration, Observations& seen) {
  auto netlink = system::NetlinkSocket::open();
  auto monitor = system::LinkMonitor::open({});
  if (!netlink || !monitor) {
    seen.unseen.push_back("interfaces: " + (netlink ? monitor.error().message : netlink.error().message));
    return;
  }
  seen.links = monitor->table();
  for (const std::string& interface : policy::interfaces_of(configuration)) {
    const auto gateway = system::lease_gateway(interface, seen.links.state(interface));
    if (gateway) seen.leases.emplace(interface, *gateway);
  }
  if (auto links = netlink->dump(system::all_links_request(), system::parse_link)) {
    for (const auto& link : *links) {
      const system::LinkState state = seen.links.state(link.name.value_or(""));
      if (state.gateway4 || state.gateway6) seen.uplinks.push_back(*link.name);
    }
  }
  if (auto rules = netlink->dump(system::all_rules_request(), system::parse_rule)) seen.rules = std::move(*rules);
  if (auto routes = netlink->dump(system::all_routes_request(), system::parse_route)) {
    for (auto& route : *routes) {
      if (route.protocol == system::our_protocol) {
        seen.our_routes.push_back(std::move(route));
      } else if (route.is_default()) {
        seen.default_routes.push_back(std::move(route));
      }
    }
  }
}

void look_at_nftables(const config::Configuration& configuration, Observations& seen) {
  auto nftables = system::Nftables::open();
  auto tables = nftables ? nftables->tables() : std::unexpected(nftables.error());
  auto all = tables ? nftables->list_all_json() : std::unexpected(tables.error());
  if (!all) {
    seen.unseen.push_back("firewall rules: " + all.error().message);
    return;
  }
  seen.tables = std::move(*tables);
  seen.nftables = std::move(*all);
  seen.slot = system::KernelSlot::choose(configuration.name, seen.tables).value_or(seen.slot);
  seen.numbers = policy::read_numbers(nftables->list(seen.slot.table()).value_or(""));
  std::ifstream legacy("/proc/thread-self/net/ip_tables_names");
  seen.legacy_iptables = legacy.peek() != std::ifstream::traits_type::eof();
}

std::optional<std::string> no_vlans() {
  auto socket = system::NetlinkSocket::open();
  if (!socket) return socket.error().message;
  const auto supported = system::check_vlan_support(*socket);
  return supported ? std::nullopt : std::optional(supported.error().message);
}

/// What the node would set up now, were it (or: as it is) running.
void look_at_plan(const config::Configuration& configuration, Observations& seen) {
  const auto sysctl = [&seen](const std::string& name) {
    return seen.sysctls.try_emplace(name, system::read_sysctl(name)).first->second;
  };
  const policy::Surroundings now{
      .slot = seen.slot,
      .numbers = seen.numbers,
      .link = [&](std::string_view name) { return seen.links.state(name); },
      .interface_with = [&](const packet::Address& address) { return seen.links.interface_with(address); },
      .vlan_interfaces = [&](unsigned vlan,
                             std::string_view parent) { return seen.links.vlan_interfaces(vlan, parent); },
      .no_vlans = no_vlans,
      .has_default_route = [&] { return seen.links.has_default_route(); },
      .sysctl = sysctl,
      .lease_gateway = [](std::string_view interface,
                          const system::LinkState& state) { return system::lease_gateway(interface, state); },
      .up = [&](const std::string& tunnel, const std::string&) { return seen.links.state(tunnel).up; },
      .handed_out =
          [&](const std::string& tunnel) {
            return seen.node ? policy::read_handed_out(seen.node->tunnels, tunnel) : policy::HandedOut();
          }};
  seen.plan = policy::make_plan(configuration, now);
  for (const auto& [name, value] : seen.plan.sysctls) sysctl(name);
  for (const std::string& interface : policy::interfaces_of(configuration))
    sysctl("net/ipv4/conf/" + interface + "/rp_filter");
  for (const char* name : {"net/ipv4/conf/all/rp_filter", "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"}) {
    sysctl(name);
  }
}

void look_at_paths(const config::ClientConfig& client, Observations& seen) {
  std::vector<ProbeTarget> targets;
  for (const auto& tunnel : client.tunnels) {
    for (const auto& path : tunnel.paths) {
      const config::Link& link = *client.find_link(path.link.value);
      const system::LinkState state = seen.links.state(link.interface);
      for (const packet::SocketAddress& server : seen.servers_of(path)) {
        const auto same = [&](const ProbeTarget& one) { return one.link == link.name && one.server == server; };
        const auto source = std::ranges::find_if(state.addresses, [&](const packet::Address& address) {
          return address.family() == server.address.family() && (!link.source || link.source->value == address);
        });
        if (!state.carrier || source == state.addresses.end() || std::ranges::any_of(targets, same)) continue;
        targets.push_back({link.name, link.interface, *source, server, state.mtu});
      }
    }
  }
  seen.paths = probe(targets);
}

void look_at_listening(const config::ServerConfig& server, Observations& seen) {
  for (const packet::SocketAddress& address : server.listen_addresses()) {
    ListenAddress listen{address, 0, std::nullopt};
    const bool ipv6 = !address.address.is_ipv4();
    const Fd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
    constexpr int off = 0;
    if (ipv6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_storage name{};
    const socklen_t size = io::to_sockaddr(address, ipv6, name);
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), size) != 0) listen.error = errno;
    if (listen.error == EADDRINUSE) listen.holder = system::holder_of_udp_port(address);
    seen.listens.push_back(std::move(listen));
  }
}

class CertificateReader {
 public:
  explicit CertificateReader(Observations& seen) : seen_(seen) {}

  using Role = CertificateFacts::Role;

  void read(Role role, const std::optional<config::File>& file, const std::optional<config::File>& key,
            const std::optional<config::File>& authorities) {
    if (!file) return;
    CertificateFacts facts{.role = role, .file = load(file->value), .pair = {}, .signature = {}, .authorities = {}};
    if (facts.file && key && ::access(key->value.c_str(), R_OK) != 0 && errno == EACCES) {
      seen_.unseen.push_back(key->value.string() + ": Permission denied");
    } else if (facts.file && key) {
      facts.pair = check_regular(key->value);
      if (facts.pair) facts.pair = certs::check_pair(file->value, key->value);
    }
    if (facts.file && authorities) {
      facts.authorities = authorities->value;
      const auto regular = check_regular(authorities->value);
      if (const auto signature =
              regular ? certs::check_signature(file->value, authorities->value) : std::unexpected(regular.error())) {
        facts.signature = *signature;
      }
    }
    seen_.certificates.push_back(std::move(facts));
  }

  void read_revocations(const std::optional<config::File>& file, const std::optional<config::File>& authorities) {
    if (!file) return;
    const auto regular = check_regular(file->value);
    RevocationFacts facts{regular ? certs::load_revocations(file->value)
                                  : Result<certs::RevocationFile>(std::unexpected(regular.error())),
                          {}};
    if (facts.file && authorities && check_regular(authorities->value)) {
      facts.is_signed = certs::check_revocations(file->value, authorities->value);
    }
    seen_.revocations = std::move(facts);
  }

  void read_token(const std::optional<config::File>& file) {
    if (!file) return;
    if (::access(file->value.c_str(), R_OK) != 0 && errno == EACCES) {
      seen_.unseen.push_back(file->value.string() + ": Permission denied");
      return;
    }
    Result<void> verdict = check_regular(file->value);
    if (verdict) {
      if (const auto token = certs::read_token(file->value); !token) verdict = std::unexpected(token.error());
    }
    seen_.token = std::move(verdict);
  }

 private:
  // Reading a pipe or a terminal would hang.
  static Result<void> check_regular(const std::filesystem::path& path) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) {
      return failure("{}: {}", path.string(), error ? error.message() : "No such file or directory");
    }
    if (!std::filesystem::is_regular_file(status)) return failure("{} is not a regular file", path.string());
    return {};
  }
  static Result<certs::CertificateFile> load(const std::filesystem::path& path) {
    if (auto regular = check_regular(path); !regular) return std::unexpected(regular.error());
    return certs::load_certificate(path);
  }

  Observations& seen_;
};

void look_at_certificates(const config::Configuration& configuration, Observations& seen) {
  using Role = CertificateFacts::Role;
  CertificateReader reader(seen);
  if (const auto* client = configuration.client()) {
    reader.read(Role::authority, client->tls.ca, {}, {});
    reader.read(Role::client, client->tls.certificate, client->tls.key, client->tls.ca);
    reader.read_token(client->token);
  }
  if (const auto* server = configuration.server()) {
    reader.read(Role::authority, server->tls.client_ca, {}, {});
    reader.read(Role::server, server->tls.certificate, server->tls.key, server->tls.client_ca);
    reader.read_revocations(server->tls.crl, server->tls.client_ca);
  }
}

void look_at_kernel(Observations& seen) {
  KernelAbilities& kernel = seen.kernel;
  const Fd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!tun) kernel.tun_error = errno;
  const packet::SocketAddress any{*packet::Address::parse("0.0.0.0"), 0};
  if (const auto socket = io::UdpSocket::open({.bind = any})) {
    kernel.udp_segmentation = socket->segmentation();
    int granted = 0;
    socklen_t size = sizeof granted;
    // The kernel doubles what is asked for, for its own bookkeeping.
    if (getsockopt(socket->fd(), SOL_SOCKET, SO_RCVBUF, &granted, &size) == 0) {
      kernel.receive_buffer = static_cast<std::size_t>(granted) / 2;
    }
  }
  timex clock{};
  if (adjtimex(&clock) >= 0) kernel.time_synced = (clock.status & STA_UNSYNC) == 0;
}

}  // namespace

config::Configuration with_interfaces(config::Configuration configuration) {
  auto* client = std::get_if<config::ClientConfig>(&configuration.node);
  const auto links = system::LinkMonitor::open({});
  if (client == nullptr || !links) return configuration;
  for (config::Link& link : client->links) {
    if (link.interface.empty()) link.interface = links->table().interface_with(link.source->value);
  }
  return configuration;
}

Observations observe(const config::Configuration& configuration) {
  Observations seen;
  seen.now = std::chrono::system_clock::now();
  look_at_node(configuration, seen);
  look_at_links(configuration, seen);
  look_at_nftables(configuration, seen);
  look_at_plan(configuration, seen);
  look_at_certificates(configuration, seen);
  look_at_kernel(seen);
  if (const auto* server = configuration.server()) look_at_listening(*server, seen);
  if (const auto* client = configuration.client()) {
    seen.names = look_up_names(*client, seen.links);
    look_at_paths(*client, seen);
  }
  return seen;
}

}  // namespace mpquic::doctor
