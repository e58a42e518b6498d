#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/drop.h"
#include "daemon/client_path.h"
#include "daemon/race.h"
#include "daemon/redial.h"
#include "daemon/tun_port.h"
#include "daemon/worker.h"
#include "packet/address.h"
#include "quic/connection.h"
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

//  waiting_for_link --usable--> connecting --first path usable--> up;  connecting --all paths ended--> backing_off
//  up --path ended--> backing_off --time--> connecting;  any --link lost--> waiting_for_link
enum class TunnelState : std::uint8_t { waiting_for_link, connecting, up, backing_off };

/// A client's tunnel, on its worker: the TUN queue, a session, and the path to the server that is made again and again.
/// While connecting, paths to the server's addresses race: the first that is usable stays.
class ClientTunnel final : private ClientPathOwner, private TunReader, private TurnTask {
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
    std::uint64_t connections = 0;  ///< that came up so far
    std::size_t queued_bytes = 0;
    quic::ConnectionStatistics connection;  ///< of the current one
    quic::ConnectionStatistics total;       ///< datagrams and bytes of all
    DropCounters drops;
  };

  ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads);
  ~ClientTunnel() override;

  void set_link(const LinkView& link);
  /// Where the server is, in the order in which to try. A connection that stands goes on wherever it leads.
  void set_servers(Race::Addresses servers);
  /// For connections from now on.
  void set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token);
  /// The networks behind the box are others.
  void set_networks(std::vector<packet::Prefix> networks);
  /// Says goodbye to the server; nothing is sent any more.
  void stop();
  Snapshot snapshot() const;

 private:
  using Paths = std::vector<std::unique_ptr<ClientPath>>;

  void on_packet(Bytes packet) override;
  void on_handed_out(const policy::HandedOut& handed_out) override { settings_.on_handed_out(handed_out); }
  void has_news() override { worker_.at_end_of_turn(*this); }
  void on_burst(Burst burst) override;
  void on_device_gone() override { settings_.on_device_gone(); }
  void end_of_turn() override;

  void on_timer();
  void dial();
  Race::Addresses reachable_servers() const;
  void start_paths();
  void choose_path();
  void come_up(const Paths::value_type& winner);
  void remove_ended();
  Paths::iterator remove(Paths::iterator path);
  void hang_up();
  void redial(std::string reason);
  void follow_mtu();
  void enter(TunnelState state, std::string detail);

  Worker& worker_;
  Settings settings_;
  ClientPath::Settings path_settings_;
  DropCounters drops_;
  TunPort tun_;
  tunnel::Session session_;
  LinkView link_;
  Race::Addresses servers_;
  Race race_;
  Paths paths_;  ///< up: the one that is used; connecting: those that race
  Redial redial_;
  Timer timer_;
  TunnelState state_ = TunnelState::waiting_for_link;
  std::string detail_ = "not looked at yet";
  Instant since_{};
  Instant tried_at_{};
  std::size_t mtu_ = 0;
  std::uint64_t connections_ = 0;
  quic::ConnectionStatistics past_;  ///< of the connections before
};

}  // namespace mpquic::daemon
