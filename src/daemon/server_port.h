#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/server_path.h"
#include "daemon/udp_port.h"
#include "quic/server_endpoint.h"

namespace mpquic::daemon {

/// What the workers of a listening port share.
struct ServerPortSettings {
  packet::SocketAddress listen;
  quic::TransportSettings transport;
  quic::ServerCredentials credentials;
};

/// The sockets of one worker for one listening address. Handshakes have their own (io/steering.h).
struct ServerSockets {
  io::UdpSocket data;
  io::UdpSocket handshakes;
};

/// A listening address on one worker: its sockets, the connections that came in through them, and the paths they are.
class ServerPort final : public PathHost, private TurnTask {
 public:
  /// `tunnels`: those that listen here; `next_number`: numbers for paths, never the same twice on this worker.
  /// `workers`: how many there are. All references outlive the port.
  ServerPort(Worker& worker, unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
             std::vector<ServerTun*> tunnels, std::shared_ptr<const peers::Directory> directory, ControlThread& control,
             std::uint64_t& next_number);
  ~ServerPort() override;

  /// nullptr: it is gone, or another port's.
  ServerPath* find(std::uint64_t number);
  void change_over(const quic::ServerCredentials& credentials, std::shared_ptr<const peers::Directory> directory);
  /// Says goodbye to all clients and forgets them.
  void stop();

  void each_path(const std::function<void(const ServerPath&)>& visit) const;
  const DropCounters& drops() const { return drops_; }
  /// What tunnels have carried over paths that are gone.
  const std::map<const ServerTun*, quic::ConnectionStatistics>& past() const { return past_; }

 private:
  Worker& worker() override { return worker_; }
  const peers::Directory& directory() override { return *directory_; }
  const quic::TlsContext& tls() override { return *endpoint_.credentials().tls; }
  ControlThread& control() override { return control_; }
  ServerTun* tunnel_for(const peers::Peer& peer, const packet::Address& address) override;
  void wants_to_write(ServerPath& path) override;
  void handshake_over() override { endpoint_.handshake_over(); }
  void on_mtu(const ServerTun& tunnel, std::size_t mtu) override { control_.path_mtu(tunnel.settings().name, mtu); }

  void on_arrivals(std::span<packet::UdpArrival> arrivals, packet::UdpBatch& replies);
  void on_handshake_arrivals(std::span<packet::UdpArrival> arrivals);
  void end_of_turn() override;
  void write_paths();
  void remove(ServerPath& path);

  Worker& worker_;
  DropCounters drops_;
  TokenBucket complaints_;  ///< about handshakes refused: anybody can make the log long
  std::vector<ServerTun*> tunnels_;
  std::shared_ptr<const peers::Directory> directory_;
  ControlThread& control_;
  std::uint64_t& next_number_;
  quic::ServerEndpoint endpoint_;
  UdpPort data_;
  UdpPort handshakes_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ServerPath>> paths_;
  bool stopped_ = false;
  std::vector<std::uint64_t> writers_;  ///< paths that want to write
  std::uint64_t stopped_at_ = 0;        ///< the one at which the socket was full
  std::map<const ServerTun*, quic::ConnectionStatistics> past_;
};

}  // namespace mpquic::daemon
