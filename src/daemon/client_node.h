#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/client_tunnel.h"
#include "daemon/node.h"
#include "daemon/server_lookup.h"
#include "daemon/tun_setup.h"
#include "system/link_monitor.h"
#include "system/resolved.h"

namespace mpquic::daemon {

/// The box: its links watched on the control thread, its tunnels pinned to workers.
class ClientNode final : public Role {
 public:
  static Result<std::unique_ptr<ClientNode>> create(const config::Configuration& configuration,
                                                    const ControlTools& tools);

  void collect(std::function<void(control::NodeStatus)> done) override;
  std::string summary() const override;
  void stop(std::function<void()> done) override;
  Result<std::function<void()>> prepare(const config::Configuration& next) override;

 private:
  /// One of a tunnel's links, and where its server is over that.
  struct Way {
    config::Link link;
    config::ServerAddress server;
    ServerLookup* lookup = nullptr;   ///< nullptr: the server is an address
    std::optional<LinkView> shown{};  ///< to the tunnel
    std::vector<packet::SocketAddress> shown_servers{};
  };
  struct Tunnel {
    config::ClientTunnel configuration;
    std::vector<Way> ways;  ///< as ClientTunnel::Settings::links
    TunSetup tun;
    Worker* worker;
    std::unique_ptr<ClientTunnel> running;
    bool up = false;
    policy::HandedOut handed_out;               ///< by the server
    std::vector<packet::Address> name_servers;  ///< that systemd-resolved has been told of
  };

  ClientNode(const config::ClientConfig& configuration, const ControlTools& tools, system::NetlinkSocket netlink,
             system::LinkMonitor links);
  Result<void> add_tunnel(const config::ClientTunnel& tunnel, std::shared_ptr<const quic::TlsContext> tls,
                          const std::optional<std::string>& token);
  void hand_out(Tunnel& tunnel, const policy::HandedOut& given);
  void set_name_servers(Tunnel& tunnel);
  void on_links();
  void look_up_server(Way& way);
  dns::Way way_over(const std::string& link) const;
  static std::vector<packet::SocketAddress> servers_of(const Way& way);
  void show_link(Tunnel& tunnel, std::size_t number);
  control::TunnelStatus status_of(const Tunnel& tunnel, const ClientTunnel::Snapshot& snapshot) const;

  config::ClientConfig configuration_;
  ControlTools tools_;
  system::NetlinkSocket netlink_;
  system::LinkMonitor links_;
  std::vector<std::unique_ptr<Tunnel>> tunnels_;
  std::map<std::pair<std::string, std::string>, ServerLookup> lookups_;  ///< by link and name
  dns::Resolver resolver_;
  system::Resolved resolved_;
};

/// What a tunnel to a server with these addresses can make of a link whose interface is in this state. Without any, as
/// of a name that is not looked up yet, either family will do.
LinkView view_of(const config::Link& link, const std::string& interface, const system::LinkState& state,
                 const std::vector<packet::SocketAddress>& servers);

/// The same, as all interfaces are now. A link without an interface is where its address is.
LinkView view_of(const config::Link& link, const system::LinkTable& interfaces,
                 const std::vector<packet::SocketAddress>& servers);

}  // namespace mpquic::daemon
