#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/last_clients.h"
#include "daemon/leases.h"
#include "daemon/node.h"
#include "daemon/server_worker.h"
#include "daemon/tun_setup.h"
#include "dns/resolver.h"
#include "peers/registry.h"

namespace mpquic::daemon {

/// The public end: its registry on the control thread, its sockets and clients on the workers.
class ServerNode final : public Role, private ControlThread {
 public:
  static Result<std::unique_ptr<ServerNode>> create(const config::Configuration& configuration,
                                                    const ControlTools& tools);

  void collect(std::function<void(control::NodeStatus)> done) override;
  std::string summary() const override;
  void stop(std::function<void()> done) override;
  Result<std::function<void()>> prepare(const config::Configuration& next) override;

 private:
  struct WorkerReport {
    std::vector<ServerPath::Snapshot> paths;
    std::vector<ServerSession::Snapshot> sessions;
    std::map<std::string, control::Traffic> past;  ///< by tunnel
    DropCounters drops;
  };

  ServerNode(const config::Configuration& configuration, const ControlTools& tools, system::NetlinkSocket netlink);
  Result<void> add_tunnels();
  Result<void> add_ports(const quic::ServerCredentials& credentials);

  // From the workers' threads:
  void claim(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const std::string& tunnel,
             const packet::Address& address) override;
  void assign(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const AddressWish& wish) override;
  void look_up(peers::SessionRef session, const std::string& client, const std::string& name) override;
  void learn(peers::SessionRef session, const packet::Address& source) override;
  void change_peer(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer) override;
  void gone(peers::SessionRef session) override;
  void connected(ConnectionRef connection, const LastClient& client) override;
  void disconnected(ConnectionRef connection) override;
  void path_mtu(const std::string& tunnel, std::size_t mtu) override;

  Assignment assignment_of(peers::SessionRef session, const std::shared_ptr<const peers::Peer>& peer,
                           const AddressWish& wish);
  void tell(peers::SessionRef session, const NameAnswer& answer);
  void publish(peers::Changes changes);
  void tell_who_is_present();
  void expire();
  void call_last_clients(io::UdpSocket& socket, const quic::ServerSecrets& secrets) const;
  void watch_last_clients();
  static WorkerReport report(const ServerWorker& reporter);
  control::NodeStatus status_of(const std::vector<WorkerReport>& reports) const;
  control::TunnelStatus status_of(const config::ServerTunnel& configured,
                                  const std::vector<WorkerReport>& reports) const;

  config::ServerConfig configuration_;
  ControlTools tools_;
  system::NetlinkSocket netlink_;
  peers::Registry registry_;
  Leases leases_;
  dns::Resolver resolver_;
  std::size_t lookups_ = 0;                                ///< under way
  std::map<std::string, std::size_t> lookups_of_;          ///< the same, by client
  std::set<peers::SessionRef> superseded_;                 ///< that are not gone yet
  std::set<std::pair<std::string, std::string>> present_;  ///< tunnel and client, as last told
  Timer expiry_;
  LastClients last_clients_;
  Timer last_clients_timer_;
  std::map<std::string, TunSetup> tuns_;
  std::vector<std::unique_ptr<ServerWorker>> workers_;
};

}  // namespace mpquic::daemon
