#include "daemon/server_port.h"

#include <algorithm>

#include "base/log.h"

namespace mpquic::daemon {
namespace {

// When handshakes come in full batches, they are a flood or a stampede: the tunnels that stand come first.
constexpr Duration handshake_pause = std::chrono::milliseconds(2);
constexpr double complaints_per_second = 1;
constexpr double complaints_at_once = 10;

}  // namespace

ServerPort::ServerPort(Worker& worker, unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
                       std::vector<ServerTun*> tunnels, std::shared_ptr<const peers::Directory> directory,
                       ControlThread& control, std::uint64_t& next_number)
    : worker_(worker),
      complaints_(complaints_per_second, complaints_at_once),
      tunnels_(std::move(tunnels)),
      directory_(std::move(directory)),
      control_(control),
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

ServerPath* ServerPort::find(std::uint64_t number) {
  const auto found = paths_.find(number);
  return found == paths_.end() ? nullptr : found->second.get();
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
        const peers::PathRef ref{worker_.index(), next_number_++};
        paths_.emplace(ref.number, std::make_unique<ServerPath>(*this, ref, std::move(destination.accepted)));
      }
      ServerPath::of(*destination.connection).receive(payload, arrival);
    }
  }
  worker_.at_end_of_turn(*this);
}

void ServerPort::on_handshake_arrivals(std::span<packet::UdpArrival> arrivals) {
  if (arrivals.size() == io::ReceiveBuffers::messages) handshakes_.pause(handshake_pause);
  if (handshakes_.blocked()) return drops_.count(Drop::half_open_limit, arrivals.size());
  on_arrivals(arrivals, handshakes_.batch());
}

void ServerPort::wants_to_write(ServerPath& path) {
  if (writers_.empty() || writers_.back() != path.ref().number) writers_.push_back(path.ref().number);
  worker_.at_end_of_turn(*this);
}

void ServerPort::end_of_turn() {
  if (!handshakes_.blocked()) handshakes_.send();
  if (!data_.blocked()) write_paths();
}

void ServerPort::write_paths() {
  std::ranges::sort(writers_);
  const auto repeated = std::ranges::unique(writers_);
  writers_.erase(repeated.begin(), repeated.end());
  // Where it stopped when the socket was full, it goes on: taken from the back, in turn.
  std::ranges::rotate(writers_, std::ranges::upper_bound(writers_, stopped_at_));
  while (!writers_.empty()) {
    ServerPath* path = find(writers_.back());
    if (path != nullptr) {
      if (!path->write(data_.batch())) {
        stopped_at_ = writers_.back();
        if (!data_.send()) return;  // full: the rest waits until it is writable
        continue;
      }
      if (path->over()) remove(*path);
    }
    writers_.pop_back();
  }
  data_.send();
}

void ServerPort::remove(ServerPath& path) {
  const ServerPath::Snapshot last = path.snapshot();
  const std::string& reason = path.connection().close_reason();
  if (!last.peer.empty()) {
    log::info("{}: {} at {} has gone: {}", last.tunnel.empty() ? "-" : last.tunnel, last.peer, last.remote.to_string(),
              reason);
  } else if (path.connection().close_cause() == quic::CloseCause::refused && complaints_.take(worker_.now())) {
    log::warning("{}: {}", last.remote.to_string(), reason);
  } else {
    log::debug("{}: no connection: {}", last.remote.to_string(), reason);
  }
  if (path.tunnel() != nullptr) {
    past_[path.tunnel()] += last.connection;
    path.tunnel()->drops() += path.drops();
  } else {
    drops_ += path.drops();
  }
  paths_.erase(path.ref().number);
}

void ServerPort::change_over(const quic::ServerCredentials& credentials,
                             std::shared_ptr<const peers::Directory> directory) {
  endpoint_.set_credentials(credentials);
  directory_ = std::move(directory);
  for (const auto& [number, path] : paths_) path->look_up_again();
}

void ServerPort::stop() {
  stopped_ = true;
  for (const auto& [number, path] : paths_) path->close("the server stops");
  write_paths();
  paths_.clear();
}

void ServerPort::each_path(const std::function<void(const ServerPath&)>& visit) const {
  for (const auto& [number, path] : paths_) visit(*path);
}

}  // namespace mpquic::daemon
