#pragma once

#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/path_host.h"
#include "daemon/server_connection.h"
#include "daemon/server_sessions.h"
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

/// Finds the routes of all tunnels of a worker.
class WorkerRoutes {
 public:
  virtual std::optional<peers::SessionRef> session_to(const packet::Address& destination) = 0;
  virtual std::uint64_t state_of_routes() = 0;

 protected:
  ~WorkerRoutes() = default;
};

/// A listening address on one worker: its sockets, and the connections that came in through them.
class ServerPort final : public PathHost, private TurnTask {
 public:
  /// `tunnels`: those that listen here; `next_number`: numbers for connections, never the same twice on this worker.
  /// `workers`: how many there are. All references outlive the port.
  ServerPort(Worker& worker, unsigned workers, const ServerPortSettings& settings, ServerSockets sockets,
             std::vector<ServerTun*> tunnels, std::shared_ptr<const ServerRules> rules, ControlThread& control,
             WorkerRoutes& routes, ServerSessions& sessions, std::uint64_t& next_number);
  ~ServerPort() override;

  void change_over(const quic::ServerCredentials& credentials, std::shared_ptr<const ServerRules> rules);
  /// Says goodbye to all clients and forgets them.
  void stop();

  /// Of the port and its connections, without those of sessions.
  DropCounters drops() const;

 private:
  Worker& worker() override { return worker_; }
  const ServerRules& rules() override { return *rules_; }
  ControlThread& control() override { return control_; }
  std::string distrust(const quic::Connection& connection) override { return connection.distrust(*tls_); }
  ServerTun* tunnel_for(const peers::Peer& peer, const packet::Address& address) override;
  ServerTun* tunnel_for(const peers::Peer& peer, const std::string& name,
                        std::span<const packet::Address> wanted) override;
  std::optional<peers::SessionRef> session_to(const packet::Address& destination) override {
    return routes_.session_to(destination);
  }
  std::uint64_t state_of_routes() override { return routes_.state_of_routes(); }
  ServerSessions& sessions() override { return sessions_; }
  void wants_to_write(ServerConnection& connection) override;
  void handshake_over() override { endpoint_.handshake_over(); }
  bool may_complain() override { return complaints_.take(worker_.now()); }
  void on_mtu(const ServerTun& tunnel, std::size_t mtu) override { control_.path_mtu(tunnel.settings().name, mtu); }

  void on_arrivals(std::span<packet::UdpArrival> arrivals, packet::UdpBatch& replies);
  void on_handshake_arrivals(std::span<packet::UdpArrival> arrivals);
  void end_of_turn() override;
  void write_connections();
  void prepare_sessions();
  void forget(ServerConnection& connection);

  Worker& worker_;
  DropCounters drops_;
  TokenBucket complaints_;
  std::vector<ServerTun*> tunnels_;
  std::shared_ptr<const quic::TlsContext> tls_;  ///< for those who come now
  std::shared_ptr<const ServerRules> rules_;
  ControlThread& control_;
  WorkerRoutes& routes_;
  ServerSessions& sessions_;
  std::uint64_t& next_number_;
  quic::ServerEndpoint endpoint_;
  UdpPort data_;
  UdpPort handshakes_;
  std::unordered_map<std::uint64_t, std::unique_ptr<ServerConnection>> connections_;
  bool stopped_ = false;
  std::vector<std::uint64_t> writers_;  ///< connections that want to write
  std::uint64_t stopped_at_ = 0;        ///< the one at which the socket was full
};

}  // namespace mpquic::daemon
