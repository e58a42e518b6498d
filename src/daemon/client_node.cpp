#include "daemon/client_node.h"

#include <net/if.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "certs/token.h"
#include "daemon/ask_workers.h"
#include "daemon/status.h"
#include "policy/name_servers.h"

namespace mpquic::daemon {

namespace {

Result<std::shared_ptr<const quic::TlsContext>> load_tls(const config::ClientTls& tls) {
  if (tls.insecure_skip_verify) {
    log::warning("insecure_skip_verify is on: anybody on the way can pose as the server and read everything");
  }
  const auto file = [](const std::optional<config::File>& named) {
    return named ? named->value : std::filesystem::path();
  };
  return quic::TlsContext::load({.certificate = file(tls.certificate),
                                 .key = file(tls.key),
                                 .ca = tls.insecure_skip_verify ? "" : file(tls.ca),
                                 .server_name = tls.server_name});
}

Result<std::optional<std::string>> load_token(const config::ClientConfig& client) {
  if (!client.token) return std::nullopt;
  auto token = certs::read_token(client.token->value);
  if (!token) return std::unexpected(token.error());
  return *token;
}

/// What is behind the box, as far as its configuration knows it.
std::vector<packet::Prefix> networks_of(const config::ClientConfig& client) {
  std::vector<packet::Prefix> networks;
  for (const auto& lan : client.lans) {
    for (const auto& address : lan.addresses) networks.push_back(address->network());
  }
  return networks;
}

/// The links that a tunnel goes over.
std::vector<ClientTunnel::Link> links_of(const config::ClientTunnel& tunnel, const config::ClientConfig& client) {
  std::vector<ClientTunnel::Link> links;
  for (const config::Path& path : tunnel.paths) {
    const config::Link& link = *client.find_link(path.link.value);
    links.push_back({link.name, path.server->to_string(), {link.name, path.priority, path.weight, link.metered}});
  }
  return links;
}

/// Empty: none has the address that stands for the link.
std::string interface_of(const config::Link& link, const system::LinkTable& interfaces) {
  return link.interface.empty() ? interfaces.interface_with(link.source->value) : link.interface;
}

/// What keeps a link that is up from reaching any of the servers.
std::string missing(const config::Link& link, const LinkView& view, const std::vector<packet::SocketAddress>& servers) {
  if (link.source && view.sources.empty()) {
    return fmt::format("the interface has no address {}", link.source->value.to_string());
  }
  if (link.source) return fmt::format("the server has no {} address", link.source->value.is_ipv4() ? "IPv4" : "IPv6");
  const auto is_ipv4 = [](const packet::SocketAddress& server) { return server.address.is_ipv4(); };
  const bool ipv4 = std::ranges::any_of(servers, is_ipv4);
  const bool ipv6 = !std::ranges::all_of(servers, is_ipv4);
  if (ipv4 == ipv6) return "no address";
  return ipv4 ? "no IPv4 address" : "no IPv6 address";
}

}  // namespace

LinkView view_of(const config::Link& link, const std::string& interface, const system::LinkState& state,
                 const std::vector<packet::SocketAddress>& servers) {
  LinkView view{.interface = interface, .sources = {}, .index = state.ifindex, .obstacle = {}};
  const auto unusable = [&](std::string obstacle) {
    view.obstacle = std::move(obstacle);
    return view;
  };
  if (!state.present) return unusable("there is no such interface");
  if (!state.up) return unusable("the interface is down");
  if (!state.carrier) return unusable("no carrier");
  for (const packet::Address& address : state.addresses) {
    const bool allowed = !link.source || link.source->value == address;
    if (allowed && !view.source(address.family())) view.sources.push_back(address);
  }
  const auto reachable = [&](const packet::SocketAddress& server) {
    return view.source(server.address.family()).has_value();
  };
  view.usable = servers.empty() ? !view.sources.empty() : std::ranges::any_of(servers, reachable);
  if (view.usable) return view;
  return unusable(missing(link, view, servers));
}

LinkView view_of(const config::Link& link, const system::LinkTable& interfaces,
                 const std::vector<packet::SocketAddress>& servers) {
  const std::string interface = interface_of(link, interfaces);
  if (!interface.empty()) return view_of(link, interface, interfaces.state(interface), servers);
  return {.interface = link.source->value.to_string(), .sources = {}, .obstacle = "no interface has this address"};
}

ClientNode::ClientNode(const config::ClientConfig& configuration, const ControlTools& tools,
                       system::NetlinkSocket netlink, system::LinkMonitor links)
    : configuration_(configuration),
      tools_(tools),
      netlink_(std::move(netlink)),
      links_(std::move(links)),
      resolver_(tools.loop, tools.timers) {}

Result<std::unique_ptr<ClientNode>> ClientNode::create(const config::Configuration& configuration,
                                                       const ControlTools& tools) {
  const config::ClientConfig& client = *configuration.client();
  auto tls = load_tls(client.tls);
  if (!tls) return std::unexpected(tls.error());
  auto token = load_token(client);
  if (!token) return std::unexpected(token.error());
  auto netlink = system::NetlinkSocket::open();
  if (!netlink) return std::unexpected(netlink.error());
  std::vector<std::string> interfaces;
  for (const auto& link : client.links) {
    if (!link.interface.empty()) interfaces.push_back(link.interface);
  }
  auto links = system::LinkMonitor::open(interfaces);
  if (!links) return std::unexpected(links.error());

  std::unique_ptr<ClientNode> node(new ClientNode(client, tools, std::move(*netlink), std::move(*links)));
  for (const auto& tunnel : client.tunnels) {
    if (auto added = node->add_tunnel(tunnel, *tls, *token); !added) return std::unexpected(added.error());
  }
  if (auto watched =
          tools.loop.watch(node->links_.fd(), io::EventLoop::Interest::read, [self = node.get()] { self->on_links(); });
      !watched) {
    return std::unexpected(watched.error());
  }
  for (const auto& tunnel : node->tunnels_) {
    for (std::size_t i = 0; i < tunnel->ways.size(); ++i) node->show_link(*tunnel, i);
  }
  return node;
}

Result<void> ClientNode::add_tunnel(const config::ClientTunnel& tunnel, std::shared_ptr<const quic::TlsContext> tls,
                                    const std::optional<std::string>& token) {
  auto tun = TunSetup::create(tunnel, 1, netlink_);
  if (!tun) return std::unexpected(tun.error());
  Worker* worker = tools_.workers[tunnels_.size() % tools_.workers.size()];
  tunnels_.push_back(std::make_unique<Tunnel>(Tunnel{tunnel, {}, std::move(*tun), worker, nullptr, false, {}, {}}));
  Tunnel& added = *tunnels_.back();
  for (const config::Path& path : tunnel.paths) {
    added.ways.push_back({*configuration_.find_link(path.link.value), path.server.value});
    if (path.server->is_name()) look_up_server(added.ways.back());
  }
  const config::Alpn alpn = tunnel.paths.front().alpn;
  ClientTunnel::Settings settings{.name = tunnel.name,
                                  .links = links_of(tunnel, configuration_),
                                  .policy = {},
                                  .class_policies = ClassPolicies(configuration_, tunnel.name),
                                  .own_addresses = {},
                                  .token = token,
                                  .networks = networks_of(configuration_),
                                  .transport = {.alpn = {std::string(config::name(alpn))},
                                                .streams = alpn == config::Alpn::h3,
                                                .congestion = congestion_of(tunnel.congestion)},
                                  .tls = std::move(tls),
                                  .on_mtu = {},
                                  .on_handed_out = {},
                                  .on_up = {},
                                  .on_try_failed = {},
                                  .on_device_gone = end_when_gone(tools_, tunnel.name)};
  if (tunnel.policy) settings.policy = policy_of(tunnel.policy->value);
  for (const auto& address : tunnel.addresses) settings.own_addresses.push_back(address.value.address);
  settings.on_mtu = [this, &added](std::size_t mtu) {
    tools_.post([this, &added, mtu] { added.tun.follow_path(mtu, netlink_); });
  };
  settings.on_handed_out = [this, &added](const policy::HandedOut& given) {
    tools_.post([this, &added, given] { hand_out(added, given); });
  };
  settings.on_up = [this, &added, name = tunnel.name](bool up) {
    tools_.post([this, &added, up] {
      added.up = up;
      set_name_servers(added);
    });
    tools_.tunnel_is_up(name, {}, up);
  };
  settings.on_try_failed = [this, &added](std::size_t link) {
    ServerLookup* lookup = added.ways[link].lookup;
    if (lookup != nullptr) tools_.post([lookup] { lookup->look_up(); });
  };
  added.running = std::make_unique<ClientTunnel>(*worker, std::move(settings),
                                                 std::move(added.tun.take_queues().front()), added.tun.offloads());
  return {};
}

void ClientNode::hand_out(Tunnel& tunnel, const policy::HandedOut& given) {
  if (tunnel.configuration.auto_address) {
    if (auto set = tunnel.tun.set_addresses(given.addresses, netlink_); !set) {
      log::warning("{}: {}", tunnel.configuration.name, set.error().message);
    }
  }
  tunnel.handed_out = given;
  tools_.hand_out(tunnel.configuration.name, given);
  set_name_servers(tunnel);
}

// Only while they can be reached: a name that nobody answers for is worse than one that another link's servers know.
void ClientNode::set_name_servers(Tunnel& tunnel) {
  const bool wanted = tunnel.up && tunnel.configuration.dns == config::HandedOutDns::resolved;
  auto servers = wanted ? tunnel.handed_out.dns : std::vector<packet::Address>();
  if (servers == tunnel.name_servers) return;
  const std::string& name = tunnel.configuration.name;
  const unsigned ifindex = if_nametoindex(name.c_str());
  const auto told = servers.empty() ? resolved_.revert(ifindex) : resolved_.set(ifindex, servers);
  if (!told) log::warning("{}: DNS servers: {}", name, told.error().message);
  tunnel.name_servers = std::move(servers);
}

void ClientNode::on_links() {
  const auto changed = links_.read();
  if (!changed) return log::warning("watching links: {}", changed.error().message);
  for (const auto& tunnel : tunnels_) {
    for (std::size_t i = 0; i < tunnel->ways.size(); ++i) {
      // Where an address is may change with any interface.
      const std::string& interface = tunnel->ways[i].link.interface;
      if (interface.empty() || std::ranges::find(*changed, interface) != changed->end()) show_link(*tunnel, i);
    }
  }
}

// Tunnels over one link to one name share what is found.
void ClientNode::look_up_server(Way& way) {
  const std::string& link = way.link.name;
  const std::string& host = way.server.host;
  ServerLookup::Subject subject{host, link, [this, link] { return way_over(link); },
                                [this, link, host] {
                                  for (const auto& tunnel : tunnels_) {
                                    for (std::size_t i = 0; i < tunnel->ways.size(); ++i) {
                                      const Way& one = tunnel->ways[i];
                                      if (one.link.name == link && one.server.host == host) show_link(*tunnel, i);
                                    }
                                  }
                                }};
  const auto known = lookups_.try_emplace({link, host}, tools_, resolver_, std::move(subject)).first;
  way.lookup = &known->second;
}

dns::Way ClientNode::way_over(const std::string& name) const {
  const config::Link& link = *configuration_.find_link(name);
  const std::string interface = interface_of(link, links_.table());
  return {interface, policy::name_servers(link, interface, links_.table().state(interface))};
}

std::vector<packet::SocketAddress> ClientNode::servers_of(const Way& way) {
  if (way.lookup == nullptr) return {*way.server.socket_address()};
  std::vector<packet::SocketAddress> servers;
  for (const packet::Address& address : way.lookup->addresses()) servers.push_back({address, way.server.port});
  return servers;
}

void ClientNode::show_link(Tunnel& tunnel, std::size_t number) {
  Way& way = tunnel.ways[number];
  if (way.lookup != nullptr) way.lookup->follow(view_of(way.link, links_.table(), {}));
  std::vector<packet::SocketAddress> servers = servers_of(way);
  LinkView view = view_of(way.link, links_.table(), servers);
  if (view.usable && servers.empty()) {
    view.usable = false;
    view.obstacle = way.lookup->obstacle();
  }
  if (servers != way.shown_servers) {
    way.shown_servers = servers;
    tunnel.worker->post([running = tunnel.running.get(), number, servers = std::move(servers)]() mutable {
      running->set_servers(number, std::move(servers));
    });
  }
  if (view == way.shown) return;
  way.shown = view;
  tunnel.worker->post([running = tunnel.running.get(), number, view] { running->set_link(number, view); });
}

void ClientNode::stop(std::function<void()> done) {
  tools_.loop.forget(links_.fd());
  for (const auto& tunnel : tunnels_) {
    // Taken apart where it lived.
    tunnel->worker->post([running = std::shared_ptr<ClientTunnel>(std::move(tunnel->running))] { running->stop(); });
  }
  done();
}

// Connections that stand keep the certificates with which they were made.
Result<std::function<void()>> ClientNode::prepare(const config::Configuration& next) {
  auto tls = load_tls(next.client()->tls);
  if (!tls) return std::unexpected(tls.error());
  auto token = load_token(*next.client());
  if (!token) return std::unexpected(token.error());
  return [this, tls = *tls, token = *token, client = *next.client()] {
    const auto networks = networks_of(client);
    for (const auto& tunnel : tunnels_) {
      const config::ClientTunnel& configured =
          *std::ranges::find(client.tunnels, tunnel->configuration.name, &config::ClientTunnel::name);
      tunnel->configuration = configured;
      for (Way& way : tunnel->ways) way.link = *client.find_link(way.link.name);
      set_name_servers(*tunnel);
      std::optional<tunnel::Policy> policy;
      if (configured.policy) policy = policy_of(configured.policy->value);
      std::vector<tunnel::PathTraits> traits;
      for (const auto& link : links_of(configured, client)) traits.push_back(link.traits);
      tunnel->worker->post([running = tunnel->running.get(), tls, token, networks, policy, traits,
                            classes = ClassPolicies(client, configured.name)] {
        running->set_tls(tls, token);
        running->set_networks(networks);
        if (policy) running->set_policy(*policy, classes, traits);
      });
    }
    configuration_ = client;
  };
}

void ClientNode::collect(std::function<void(control::NodeStatus)> done) {
  using Answer = std::vector<std::pair<std::size_t, ClientTunnel::Snapshot>>;
  // By worker; the pointers are good there until the letter that takes them apart, which comes later.
  std::vector<std::vector<std::pair<std::size_t, const ClientTunnel*>>> asked(tools_.workers.size());
  for (std::size_t i = 0; i < tunnels_.size(); ++i) {
    asked[tunnels_[i]->worker->index()].emplace_back(i, tunnels_[i]->running.get());
  }
  const auto question = [asked](std::size_t worker) {
    Answer answer;
    for (const auto& [i, running] : asked[worker]) answer.emplace_back(i, running->snapshot());
    return answer;
  };
  ask_workers<Answer>(tools_, question, [this, done = std::move(done)](const std::vector<Answer>& answers) {
    control::NodeStatus status;
    status.role = "client";
    status.tunnels.resize(tunnels_.size());
    for (const Answer& answer : answers) {
      for (const auto& [i, snapshot] : answer) {
        status.tunnels[i] = status_of(*tunnels_[i], snapshot);
        status.total += snapshot.drops;
      }
    }
    done(std::move(status));
  });
}

std::string ClientNode::summary() const {
  const auto up = std::ranges::count_if(tunnels_, [](const auto& tunnel) { return tunnel->up; });
  return fmt::format("{} of {} tunnels up", up, tunnels_.size());
}

control::TunnelStatus ClientNode::status_of(const Tunnel& tunnel, const ClientTunnel::Snapshot& snapshot) const {
  const ClientLink::Snapshot& best = snapshot.best();
  const Way& way = tunnel.ways[static_cast<std::size_t>(&best - snapshot.links.data())];
  control::TunnelStatus status;
  status.name = tunnel.configuration.name;
  status.state = describe(best.state);
  status.detail = best.detail;
  status.traffic_class = config::name(tunnel.configuration.traffic_class);
  for (const auto& address : tunnel.tun.addresses()) status.addresses.push_back(address.to_string());
  status.mtu = tunnel.tun.mtu();
  status.link = way.link.name;
  status.server = way.server.to_string();
  for (const auto& route : tunnel.handed_out.routes)
    status.routes.push_back({route.to_string(), {}, "advertised", 0, 0});
  for (const ClientLink::Snapshot& link : snapshot.links) {
    status.traffic += link.total;
    if (!link.local && snapshot.links.size() == 1) continue;
    control::ConnectionStatus& connection = status.connections.emplace_back(connection_status(link, tools_.loop.now()));
    if (link.path) connection.session = snapshot.session_number;
    if (status.connections.size() > 1) continue;
    connection.queue_bytes = snapshot.queued_bytes;
    connection.drops = snapshot.drops;
  }
  status.traffic.rx_packets = snapshot.rx_packets;
  status.traffic.rx_bytes = snapshot.rx_bytes;
  if (snapshot.session) {
    status.sessions.push_back(session_status(*snapshot.session));
    status.sessions.back().id = snapshot.session_number;
  }
  return status;
}

Result<std::unique_ptr<Role>> make_client(const config::Configuration& configuration, const ControlTools& tools) {
  return ClientNode::create(configuration, tools);
}

}  // namespace mpquic::daemon
