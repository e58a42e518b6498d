#include "daemon/server_port.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace mpquic::daemon {
namespace {

// When handshakes come in full batches, they are a flood or a stampede: the tunnels that stand come first.
constexpr Duration handshake_pause = std::chrono::milliseconds(2);
constexpr double complaints_per_second = 1;
constexpr double complaints_at_once = 10;

}  // namespace

ServerPort::ServerPort(Worker& worker, unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
                       std::vector<ServerTun*> tunnels, std::shared_ptr<const ServerRules> rules,
                       ControlThread& control, WorkerRoutes& routes, ServerSessions& sessions,
                       std::uint64_t& next_number)
    : worker_(worker),
      complaints_(complaints_per_second, complaints_at_once),
      tunnels_(std::move(tunnels)),
      tls_(settings.credentials.tls),
      rules_(std::move(rules)),
      control_(control),
      routes_(routes),
      sessions_(sessions),
      next_number_(next_number),
      endpoint_(settings.transport, settings.credentials, {worker.index(), workers}, {}, drops_),
      data_(
          worker, std::move(sockets.data),
          {[this](auto arrivals) { on_arrivals(arrivals, data_.batch()); }, [this] { worker_.at_end_of_turn(*this); }},
          drops_),
      handshakes_(worker, std::move(sockets.handshakes),
                  {[this](auto arrivals) { on_handshake_arrivals(arrivals); }, [] {}}, drops_) {}

ServerPort::~ServerPort() { worker_.forget(*this); }

ServerTun* ServerPort::tunnel_for(const peers::Peer& peer, const packet::Address& address) {
  ServerTun* only = nullptr;
  unsigned allowed = 0;
  for (ServerTun* tunnel : tunnels_) {
    if (!peer.may_use(tunnel->settings().name)) continue;
    if (tunnel->settings().holds(address)) return tunnel;
    only = tunnel;
    ++allowed;
  }
  // A client whose first packet comes from a host behind it, not from its tunnel address.
  return allowed == 1 ? only : nullptr;
}

// Its own name for the tunnel, if we have one of that name; else where the addresses are that it would like to have;
// else the first.
ServerTun* ServerPort::tunnel_for(const peers::Peer& peer, const std::string& name,
                                  std::span<const packet::Address> wanted) {
  std::vector<ServerTun*> allowed;
  for (ServerTun* tunnel : tunnels_) {
    if (!peer.may_use(tunnel->settings().name)) continue;
    if (tunnel->settings().name == name) return tunnel;
    allowed.push_back(tunnel);
  }
  for (ServerTun* tunnel : allowed) {
    if (std::ranges::any_of(wanted, [&](const auto& each) { return tunnel->settings().holds(each); })) return tunnel;
  }
  return allowed.empty() ? nullptr : allowed.front();
}

void ServerPort::on_arrivals(std::span<packet::UdpArrival> arrivals, packet::UdpBatch& replies) {
  // A client that was told goodbye comes again at once. It must not begin a handshake that nobody will end.
  if (stopped_) return;
  for (packet::UdpArrival& arrival : arrivals) {
    for (std::size_t offset = 0; offset < arrival.bytes.size(); offset += arrival.segment_size) {
      const MutableBytes payload =
          arrival.bytes.subspan(offset, std::min(arrival.segment_size, arrival.bytes.size() - offset));
      auto destination = endpoint_.find({payload, arrival.local, arrival.remote}, replies, worker_.now());
      if (destination.connection == nullptr) continue;
      if (destination.accepted) {
        const std::uint64_t number = next_number_++;
        connections_.emplace(number,
                             std::make_unique<ServerConnection>(*this, number, std::move(destination.accepted)));
      }
      ServerConnection::of(*destination.connection).receive(payload, arrival);
    }
  }
  worker_.at_end_of_turn(*this);
}

void ServerPort::on_handshake_arrivals(std::span<packet::UdpArrival> arrivals) {
  if (arrivals.size() == io::ReceiveBuffers::messages) handshakes_.pause(handshake_pause);
  if (handshakes_.blocked()) return drops_.count(Drop::half_open_limit, arrivals.size());
  on_arrivals(arrivals, handshakes_.batch());
}

void ServerPort::wants_to_write(ServerConnection& connection) {
  if (writers_.empty() || writers_.back() != connection.number()) writers_.push_back(connection.number());
  worker_.at_end_of_turn(*this);
}

void ServerPort::end_of_turn() {
  if (!handshakes_.blocked()) handshakes_.send();
  if (!data_.blocked()) write_connections();
}

// What has come in over one path of a session may let another one send.
void ServerPort::prepare_sessions() {
  std::vector<const ServerSession*> prepared;
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    const auto found = connections_.find(writers_[i]);
    ServerSession* session = found == connections_.end() ? nullptr : found->second->shared_session();
    if (session == nullptr || std::ranges::find(prepared, session) != prepared.end()) continue;
    prepared.push_back(session);
    session->shared()->prepare();
    for (ServerPath* path : session->paths()) {
      ServerConnection& connection = path->connection();
      if (&connection.host() == this)
        writers_.push_back(connection.number());
      else
        connection.wants_to_write();
    }
  }
}

void ServerPort::write_connections() {
  prepare_sessions();
  std::ranges::sort(writers_);
  const auto repeated = std::ranges::unique(writers_);
  writers_.erase(repeated.begin(), repeated.end());
  // Where it stopped when the socket was full, it goes on: taken from the back, in turn.
  std::ranges::rotate(writers_, std::ranges::upper_bound(writers_, stopped_at_));
  // What they want while they write comes behind them, and is for the next turn.
  std::vector<std::uint64_t> waiting = std::exchange(writers_, {});
  while (!waiting.empty()) {
    const auto found = connections_.find(waiting.back());
    if (found != connections_.end()) {
      if (!found->second->write(data_.batch())) {
        stopped_at_ = waiting.back();
        if (!data_.send()) break;  // full: the rest waits until it is writable
        continue;
      }
      if (found->second->over()) forget(*found->second);
    }
    waiting.pop_back();
  }
  writers_.insert(writers_.end(), waiting.begin(), waiting.end());
  data_.send();
}

void ServerPort::forget(ServerConnection& connection) {
  const quic::Connection& quic = connection.quic();
  bool known = false;
  for (const auto& path : connection.paths()) {
    const ServerSession& session = path->session();
    if (session.peer() == nullptr) continue;
    known = true;
    log::info("{}: {} at {} has gone: {}", session.tunnel() == nullptr ? "-" : session.tunnel()->settings().name,
              session.peer()->name, quic.remote().to_string(), quic.close_reason());
  }
  if (!known && quic.close_cause() == quic::CloseCause::refused && may_complain()) {
    log::warning("{}: {}", quic.remote().to_string(), quic.close_reason());
  } else if (!known) {
    log::debug("{}: no connection: {}", quic.remote().to_string(), quic.close_reason());
  }
  drops_ += connection.drops();
  connections_.erase(connection.number());
}

void ServerPort::change_over(const quic::ServerCredentials& credentials, std::shared_ptr<const ServerRules> rules) {
  endpoint_.set_credentials(credentials);
  tls_ = credentials.tls;
  rules_ = std::move(rules);
  for (const auto& [number, connection] : connections_) connection->look_up_again();
}

void ServerPort::stop() {
  stopped_ = true;
  for (const auto& [number, connection] : connections_) connection->leave("the server stops");
  write_connections();
  connections_.clear();
}

DropCounters ServerPort::drops() const {
  DropCounters all = drops_;
  for (const auto& [number, connection] : connections_) all += connection->drops();
  return all;
}

}  // namespace mpquic::daemon
