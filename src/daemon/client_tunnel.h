#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/drop.h"
#include "daemon/h3_client.h"
#include "daemon/redial.h"
#include "daemon/tun_port.h"
#include "daemon/udp_port.h"
#include "daemon/worker.h"
#include "packet/address.h"
#include "quic/connection.h"
#include "tunnel/path_source.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

/// What a link can be used for at the moment: the control thread's view, sent to the tunnels on it.
struct LinkView {
  std::string interface;  ///< or, where none has the address that stands for the link, that address
  bool usable = false;    ///< there, up, with carrier and a source address of a family that the server has
  std::vector<packet::Address> sources;  ///< one of each family that the link has
  unsigned index = 0;
  std::string obstacle;  ///< when not usable: what is missing

  /// To send from to a server of this family; nullopt: it can't be reached.
  std::optional<packet::Address> source(packet::Address::Family family) const;

  bool operator==(const LinkView&) const = default;
};

//  waiting_for_link --usable--> connecting --established--> up
//  connecting, up --closed, silent--> backing_off --time--> connecting;  any --link lost--> waiting_for_link
enum class TunnelState : std::uint8_t { waiting_for_link, connecting, up, backing_off };

/// A client's tunnel, on its worker: the TUN queue, a session, and the connection that is made again and again.
class ClientTunnel final : private quic::ConnectionOwner, private H3ClientOwner, private TunReader, private TurnTask {
 public:
  struct Settings {
    std::string name;
    std::string authority;  ///< h3: the server as the configuration names it
    /// Of the device. The first of IPv4 is what mpquic-ip registers; over h3 the server is asked for them.
    std::vector<packet::Address> own_addresses;
    std::optional<std::string> token;      ///< h3: instead of a certificate
    std::vector<packet::Prefix> networks;  ///< h3: behind the box, told to the server
    quic::TransportSettings transport;
    std::shared_ptr<const quic::TlsContext> tls;
    /// Called on the worker's thread when the largest inner packet changes; 0 is never told.
    std::function<void(std::size_t)> on_mtu;
    /// Called on the worker's thread when the server hands out something else than before; h3 only.
    std::function<void(const policy::HandedOut&)> on_handed_out;
    /// Called on the worker's thread when packets can go, and when they can't any more.
    std::function<void(bool)> on_up;
    /// Called on the worker's thread when a server did not answer, or the connection to it has ended.
    std::function<void()> on_try_failed;
    /// Called on the worker's thread when somebody has deleted the TUN device.
    std::function<void()> on_device_gone;
  };
  struct Snapshot {
    TunnelState state = TunnelState::waiting_for_link;
    std::string detail;  ///< of the state: what is missing, why it closed
    std::optional<packet::SocketAddress> local, remote;
    Instant since{};
    std::size_t mtu = 0;
    std::uint64_t connections = 0;  ///< established so far
    std::size_t queued_bytes = 0;
    quic::ConnectionStatistics connection;  ///< of the current one
    quic::ConnectionStatistics total;       ///< datagrams and bytes of all
    DropCounters drops;
  };

  ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads);
  ~ClientTunnel() override;

  void set_link(const LinkView& link);
  /// Where the server is, in the order in which to try. A connection that stands goes on wherever it leads.
  void set_servers(std::vector<packet::SocketAddress> servers);
  /// For connections from now on.
  void set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token);
  /// The networks behind the box are others.
  void set_networks(std::vector<packet::Prefix> networks);
  /// Says goodbye to the server; nothing is sent any more.
  void stop();
  Snapshot snapshot() const;

 private:
  void on_keys() override;
  void on_established() override;
  void on_lost(std::uint64_t number) override;
  void on_datagram(Bytes datagram) override;
  void on_handed_out(const policy::HandedOut& handed_out) override { settings_.on_handed_out(handed_out); }
  void on_tunnel_open() override;
  void on_tunnel_packet(Bytes packet) override;
  void on_tunnel_failed(std::uint64_t code, const std::string& reason) override;
  void on_burst(Burst burst) override;
  void on_device_gone() override { settings_.on_device_gone(); }
  void end_of_turn() override;

  void on_arrivals(std::span<packet::UdpArrival> arrivals);
  void on_timer();
  void dial();
  std::optional<packet::SocketAddress> choose_server();
  void hang_up();
  void redial(std::string reason);
  bool speaks_h3() const { return settings_.transport.alpn.front() == quic::alpn_h3; }
  void come_up();
  void register_address();
  void write();
  void watch_silence();
  void follow_mtu();
  void enter(TunnelState state, std::string detail);

  Worker& worker_;
  Settings settings_;
  DropCounters drops_;
  TunPort tun_;
  tunnel::Session session_;
  tunnel::PathSource source_;
  LinkView link_;
  std::vector<packet::SocketAddress> servers_;
  std::size_t turn_ = 0;  ///< whose it is of the servers
  packet::SocketAddress remote_;
  std::unique_ptr<UdpPort> port_;
  std::unique_ptr<quic::Connection> connection_;
  H3Client::Settings h3_settings_;
  std::unique_ptr<H3Client> h3_;  ///< of the connection
  bool established_ = false;      ///< the connection is
  Redial redial_;
  Timer timer_;
  TunnelState state_ = TunnelState::waiting_for_link;
  std::string detail_ = "not looked at yet";
  Instant since_{};
  Instant tried_at_{};
  Instant retry_at_ = never;
  Instant answer_by_ = never;              ///< h3: until then the server must have answered our request
  Instant unanswered_since_ = never;       ///< something was sent then, and nothing has come back
  std::uint64_t registration_number_ = 0;  ///< of the datagram that carries it
  std::size_t mtu_ = 0;
  std::uint64_t connections_ = 0;
  quic::ConnectionStatistics past_;  ///< of the connections before
};

}  // namespace mpquic::daemon
