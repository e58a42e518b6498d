#include "daemon/server_node.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "certs/secret.h"
#include "daemon/ask_workers.h"
#include "daemon/listen.h"
#include "daemon/server_path.h"
#include "daemon/server_peers.h"
#include "daemon/status.h"

namespace mpquic::daemon {
namespace {

constexpr Duration expiry_interval = std::chrono::seconds(10);
// Each is a socket or two, and some seconds at the most.
constexpr std::size_t most_lookups = 64;
constexpr std::size_t most_lookups_of_a_client = 8;

std::shared_ptr<const ServerRules> rules_of(const config::ServerConfig& configuration) {
  const bool open = configuration.tls.client_auth == config::ClientAuth::none;
  const auto proof = open ? peers::Proof::nothing : peers::Proof::certificate;
  ServerRules rules{peers::Directory(peers_of(configuration), proof), configuration.between_clients, {}, {}, {}};
  for (const auto& tunnel : configuration.tunnels) {
    rules.routes.emplace(tunnel.name, tunnel.routes);
    for (const auto& server : tunnel.dns) rules.dns[tunnel.name].push_back(server.value);
    if (tunnel.policy) rules.policies.emplace(tunnel.name, policy_of(tunnel.policy->value));
  }
  return std::make_shared<const ServerRules>(std::move(rules));
}

std::vector<std::string> protocols_of(const config::ServerTunnel& tunnel) {
  std::vector<std::string> names;
  for (const config::Alpn alpn : tunnel.alpns) names.emplace_back(config::name(alpn));
  return names;
}

Result<quic::ServerCredentials> load_credentials(const config::ServerConfig& configuration) {
  const config::ServerTls& tls = configuration.tls;
  quic::TlsSettings settings{.certificate = tls.certificate->value, .key = tls.key->value, .ca = {}, .server_name = {}};
  if (tls.client_auth == config::ClientAuth::require) {
    if (tls.client_ca) settings.ca = tls.client_ca->value;
    if (tls.crl) settings.crl = tls.crl->value;
    settings.h3_without_certificate = configuration.knows_tokens();
  }
  auto context = quic::TlsContext::load(settings);
  if (!context) return std::unexpected(context.error());
  // From the private key, so that they survive a restart without a file of their own.
  auto reset = certs::derive_secret(tls.key->value, "stateless reset");
  if (!reset) return std::unexpected(reset.error());
  auto token = certs::derive_secret(tls.key->value, "retry token");
  if (!token) return std::unexpected(token.error());
  if (tls.client_auth == config::ClientAuth::none) {
    log::warning("client_auth is none: whoever reaches this server gets into its tunnels");
  }
  return quic::ServerCredentials{std::move(*context), {*reset, *token}};
}

std::string_view kind_of(peers::RouteKind kind) {
  switch (kind) {
    case peers::RouteKind::registered: return "registered";
    case peers::RouteKind::learned: return "learned";
    case peers::RouteKind::owned: return "configured";
  }
  return {};
}

}  // namespace

ServerNode::ServerNode(const config::Configuration& configuration, const ControlTools& tools,
                       system::NetlinkSocket netlink)
    : configuration_(*configuration.server()),
      tools_(tools),
      netlink_(std::move(netlink)),
      registry_({}),
      leases_(configuration_, configuration_.state / (configuration.name + ".leases"), tools_),
      resolver_(tools_.loop, tools_.timers),
      expiry_([this] { expire(); }),
      last_clients_(configuration.control.string() + ".clients"),
      last_clients_timer_([this] {
        last_clients_.on_deadline(tools_.loop.now());
        watch_last_clients();
      }) {}

Result<std::unique_ptr<ServerNode>> ServerNode::create(const config::Configuration& configuration,
                                                       const ControlTools& tools) {
  auto credentials = load_credentials(*configuration.server());
  if (!credentials) return std::unexpected(credentials.error());
  auto netlink = system::NetlinkSocket::open();
  if (!netlink) return std::unexpected(netlink.error());

  std::unique_ptr<ServerNode> node(new ServerNode(configuration, tools, std::move(*netlink)));
  for (Worker* worker : tools.workers) node->workers_.push_back(std::make_unique<ServerWorker>(*worker));
  std::vector<ServerWorker*> siblings;
  for (const auto& worker : node->workers_) siblings.push_back(worker.get());
  for (const auto& worker : node->workers_) worker->set_siblings(siblings);
  if (auto added = node->add_tunnels(); !added) return std::unexpected(added.error());
  if (auto added = node->add_ports(*credentials); !added) return std::unexpected(added.error());
  tools.timers.set(node->expiry_, tools.loop.now() + expiry_interval);
  return node;
}

Result<void> ServerNode::add_tunnels() {
  for (const config::ServerTunnel& tunnel : configuration_.tunnels) {
    auto setup = TunSetup::create(tunnel, static_cast<unsigned>(workers_.size()), netlink_);
    if (!setup) return std::unexpected(setup.error());
    ServerTunSettings settings{tunnel.name, {}, end_when_gone(tools_, tunnel.name)};
    for (const auto& address : tunnel.addresses) settings.addresses.push_back(address.value);
    auto queues = setup->take_queues();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      workers_[i]->add_tun(settings, std::move(queues[i]), setup->offloads());
    }
    tuns_.emplace(tunnel.name, std::move(*setup));
  }
  return {};
}

Result<void> ServerNode::add_ports(const quic::ServerCredentials& credentials) {
  const auto rules = rules_of(configuration_);
  const auto workers = static_cast<unsigned>(workers_.size());
  for (const packet::SocketAddress& address : configuration_.listen_addresses()) {
    auto sockets = listen(address, workers);
    if (!sockets) return std::unexpected(sockets.error());
    call_last_clients(sockets->front().data, credentials.secrets);
    const auto listens_here = [&](const config::ServerTunnel& tunnel) { return tunnel.listen.value == address; };
    const auto& first = *std::ranges::find_if(configuration_.tunnels, listens_here);
    const ServerPortSettings settings{
        .listen = address,
        .transport = {.alpn = protocols_of(first), .streams = true, .congestion = congestion_of(first.congestion)},
        .credentials = credentials};
    for (unsigned i = 0; i < workers; ++i) {
      std::vector<ServerTun*> tunnels;
      for (const auto& tun : workers_[i]->tuns()) {
        const auto configured =
            std::ranges::find(configuration_.tunnels, tun->settings().name, &config::ServerTunnel::name);
        if (listens_here(*configured)) tunnels.push_back(tun.get());
      }
      workers_[i]->add_port(workers, settings, std::move((*sockets)[i]), std::move(tunnels), rules, *this);
    }
    log::info("listening on {}", address.to_string());
  }
  return {};
}

void ServerNode::claim(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const std::string& tunnel,
                       const packet::Address& address) {
  tools_.post([this, session, peer = std::move(peer), tunnel, address] {
    leases_.reserve(session, *peer, tunnel, address);
    publish(registry_.claim(session, peer, tunnel, {address}, tools_.loop.now()));
    tell_who_is_present();
  });
}

void ServerNode::assign(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const AddressWish& wish) {
  tools_.post([this, session, peer = std::move(peer), wish] {
    if (superseded_.contains(session) || session.worker >= workers_.size()) return;
    const Assignment assignment = assignment_of(session, peer, wish);
    ServerWorker* target = workers_[session.worker].get();
    target->worker().post([target, session, assignment] { target->assigned(session, assignment); });
  });
}

Assignment ServerNode::assignment_of(peers::SessionRef session, const std::shared_ptr<const peers::Peer>& peer,
                                     const AddressWish& wish) {
  const auto addresses = leases_.assign(session, *peer, wish);
  if (!addresses) return {{}, addresses.error().message};
  if (registry_.addresses_of(session) != *addresses) {
    publish(registry_.claim(session, peer, wish.tunnel, *addresses, tools_.loop.now()));
    tell_who_is_present();
  }
  return {*addresses, {}};
}

void ServerNode::look_up(peers::SessionRef session, const std::string& client, const std::string& name) {
  tools_.post([this, session, client, name] {
    if (lookups_ >= most_lookups || lookups_of_[client] >= most_lookups_of_a_client) {
      return tell(session, {{}, "too many names are being looked up"});
    }
    ++lookups_;
    ++lookups_of_[client];
    resolver_.resolve(name, {}, [this, session, client](const Result<std::vector<packet::Address>>& found) {
      --lookups_;
      if (--lookups_of_[client] == 0) lookups_of_.erase(client);
      tell(session, found ? NameAnswer{*found, {}} : NameAnswer{{}, found.error().message});
    });
  });
}

void ServerNode::tell(peers::SessionRef session, const NameAnswer& answer) {
  if (session.worker >= workers_.size()) return;
  ServerWorker* target = workers_[session.worker].get();
  target->worker().post([target, session, answer] { target->looked_up(session, answer); });
}

void ServerNode::learn(peers::SessionRef session, const packet::Address& source) {
  tools_.post([this, session, source] { publish(registry_.learn(session, source, tools_.loop.now())); });
}

void ServerNode::change_peer(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer) {
  tools_.post([this, session, peer = std::move(peer)] { publish(registry_.change_peer(session, peer)); });
}

void ServerNode::gone(peers::SessionRef session) {
  tools_.post([this, session] {
    publish(registry_.gone(session));
    superseded_.erase(session);
    leases_.release(session);
    tell_who_is_present();
  });
}

void ServerNode::connected(ConnectionRef connection, const LastClient& client) {
  tools_.post([this, connection, client] {
    last_clients_.add(connection, client, tools_.loop.now());
    watch_last_clients();
  });
}

void ServerNode::disconnected(ConnectionRef connection) {
  tools_.post([this, connection] {
    last_clients_.remove(connection, tools_.loop.now());
    watch_last_clients();
  });
}

void ServerNode::watch_last_clients() { tools_.timers.set(last_clients_timer_, last_clients_.deadline()); }

// Clients of a run that was killed still hold their connections to be good. What tells them otherwise, on any port that
// they are connected to, is a stateless reset.
void ServerNode::call_last_clients(io::UdpSocket& socket, const quic::ServerSecrets& secrets) const {
  constexpr std::size_t reset_size = 43;
  packet::UdpBatch batch(packet::UdpBatch::max_run, false);
  DropCounters refused;
  for (const LastClient& client : last_clients_.read()) {
    if (client.local.port != socket.local().port) continue;
    ngtcp2_cid id{};
    ngtcp2_cid_init(&id, client.id.data(), client.id.size());
    const MutableBytes reset = quic::write_stateless_reset(batch.space(reset_size), reset_size, id, secrets.reset);
    if (reset.empty()) break;  // more than a thousand; the others notice when they have something to send
    batch.commit(reset.size(), {client.remote, client.local.address});
  }
  socket.send(batch, 0, refused);
}

void ServerNode::path_mtu(const std::string& tunnel, std::size_t mtu) {
  tools_.post([this, tunnel, mtu] {
    // The device fits the client with the widest path; the others' packets are cut down by ICMP.
    TunSetup& tun = tuns_.at(tunnel);
    if (mtu > tun.mtu()) tun.follow_path(mtu, netlink_);
  });
}

void ServerNode::publish(peers::Changes changes) {
  if (changes.empty()) return;
  superseded_.insert(changes.superseded.begin(), changes.superseded.end());
  const auto shared = std::make_shared<const peers::Changes>(std::move(changes));
  for (const auto& worker : workers_) {
    worker->worker().post([target = worker.get(), shared] { target->apply(*shared); });
  }
}

void ServerNode::tell_who_is_present() {
  const auto before = std::exchange(present_, registry_.present());
  for (const auto& [tunnel, client] : present_) {
    if (!before.contains({tunnel, client})) tools_.tunnel_is_up(tunnel, client, true);
  }
  for (const auto& [tunnel, client] : before) {
    if (!present_.contains({tunnel, client})) tools_.tunnel_is_up(tunnel, client, false);
  }
}

void ServerNode::expire() {
  publish(registry_.expire(tools_.loop.now()));
  tools_.timers.set(expiry_, tools_.loop.now() + expiry_interval);
}

Result<std::function<void()>> ServerNode::prepare(const config::Configuration& next) {
  auto credentials = load_credentials(*next.server());
  if (!credentials) return std::unexpected(credentials.error());
  return [this, credentials = *credentials, server = *next.server()] {
    configuration_ = server;
    leases_.configure(configuration_);
    const auto rules = rules_of(configuration_);
    for (const auto& worker : workers_) {
      worker->worker().post([target = worker.get(), credentials, rules] { target->change_over(credentials, rules); });
    }
  };
}

void ServerNode::stop(std::function<void()> done) {
  // All say goodbye before any is taken apart: until then they may still write to each other.
  for (const auto& worker : workers_) {
    worker->worker().post([target = worker.get()] { target->stop(); });
  }
  ask_workers<int>(
      tools_, [](std::size_t) { return 0; },
      [this, done = std::move(done)](const std::vector<int>&) {
        for (auto& worker : workers_) {
          Worker& home = worker->worker();
          home.post([last = std::shared_ptr<ServerWorker>(std::move(worker))]() mutable { last.reset(); });
        }
        workers_.clear();
        leases_.finish();
        last_clients_.clear();
        watch_last_clients();
        done();
      });
}

ServerNode::WorkerReport ServerNode::report(const ServerWorker& reporter) {
  WorkerReport result;
  result.drops += reporter.drops();
  for (const auto& tun : reporter.tuns()) result.drops += tun->drops();
  for (const auto& port : reporter.ports()) result.drops += port->drops();
  result.drops += reporter.sessions().drops();
  reporter.sessions().each([&](const ServerSession& session) {
    for (const ServerPath* path : session.paths()) result.paths.push_back(path->snapshot());
    result.sessions.push_back(session.snapshot());
    result.drops += session.drops();
  });
  result.past = reporter.sessions().past();
  return result;
}

void ServerNode::collect(std::function<void(control::NodeStatus)> done) {
  // The pointers are good on their workers until the letters that take them apart, which come later.
  std::vector<const ServerWorker*> asked;
  for (const auto& worker : workers_) asked.push_back(worker.get());
  ask_workers<WorkerReport>(
      tools_, [asked](std::size_t worker) { return report(*asked[worker]); },
      [this, done = std::move(done)](const std::vector<WorkerReport>& reports) { done(status_of(reports)); });
}

std::string ServerNode::summary() const {
  std::size_t tunnels = 0;
  std::set<std::string_view> clients;
  for (const auto& [key, route] : registry_.routes()) {
    if (route.kind != peers::RouteKind::registered) continue;
    ++tunnels;
    clients.insert(route.peer);
  }
  return fmt::format("connected: {} tunnels of {} clients", tunnels, clients.size());
}

control::NodeStatus ServerNode::status_of(const std::vector<WorkerReport>& reports) const {
  control::NodeStatus status;
  status.role = "server";
  for (const config::ServerTunnel& configured : configuration_.tunnels) {
    status.tunnels.push_back(status_of(configured, reports));
  }
  for (const WorkerReport& report : reports) status.total += report.drops;
  return status;
}

control::TunnelStatus ServerNode::status_of(const config::ServerTunnel& configured,
                                            const std::vector<WorkerReport>& reports) const {
  control::TunnelStatus tunnel;
  tunnel.name = configured.name;
  tunnel.state = "up";
  for (const auto& address : configured.addresses) tunnel.addresses.push_back(address.value.to_string());
  tunnel.mtu = tuns_.at(configured.name).mtu();
  const Instant now = tools_.loop.now();
  std::map<peers::SessionRef, std::uint64_t> connections;  // one for each session
  for (const WorkerReport& report : reports) {
    if (const auto past = report.past.find(configured.name); past != report.past.end()) tunnel.traffic += past->second;
    for (const ServerPath::Snapshot& path : report.paths) {
      if (path.tunnel != configured.name) continue;
      tunnel.traffic += {path.traffic.tx_packets, path.traffic.tx_bytes, 0, 0};
      tunnel.connections.push_back(connection_status(path, now));
      connections.emplace(path.session, tunnel.connections.back().id);
    }
    for (const ServerSession::Snapshot& session : report.sessions) {
      if (session.tunnel != configured.name) continue;
      tunnel.traffic += {0, 0, session.rx_packets, session.rx_bytes};
      if (!session.shared) continue;
      tunnel.sessions.push_back(session_status(*session.shared));
      tunnel.sessions.back().id = number_of(session.ref);
      tunnel.sessions.back().peer = session.peer;
    }
  }
  for (const auto& [key, route] : registry_.routes()) {
    if (key.first != configured.name) continue;
    tunnel.routes.push_back({key.second.to_string(), route.peer, std::string(kind_of(route.kind)),
                             seconds_between(route.since, now), connections[route.session]});
  }
  return tunnel;
}

Result<std::unique_ptr<Role>> make_server(const config::Configuration& configuration, const ControlTools& tools) {
  return ServerNode::create(configuration, tools);
}

}  // namespace mpquic::daemon
