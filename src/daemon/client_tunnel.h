#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/drop.h"
#include "daemon/class_policies.h"
#include "daemon/client_link.h"
#include "daemon/session_paths.h"
#include "daemon/tun_port.h"
#include "daemon/worker.h"
#include "packet/address.h"
#include "policy/handed_out.h"
#include "quic/connection.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

/// A client's tunnel, on its worker: the TUN queue, what waits, and the links that it goes over.
///
/// Over several links it is a session: the first link that connects opens it, the others join. It ends with its last
/// path, and the next one to connect opens another. A server that has no sessions gets one link at a time.
class ClientTunnel final : private ClientLinkOwner, private TunReader, private TurnTask {
 public:
  struct Link {
    std::string name;
    std::string authority;  ///< h3: the server as the configuration names it
    tunnel::PathTraits traits;
  };
  struct Settings {
    std::string name;
    std::vector<Link> links;  ///< at least one
    /// How the links are used, here and, if it has no opinion of its own, at the server; nullopt: the only one has the
    /// tunnel to itself.
    std::optional<tunnel::Policy> policy;
    ClassPolicies class_policies;  ///< while there is a session
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
    /// Called on the worker's thread when a server did not answer over this link, or the connection to it has ended.
    std::function<void(std::size_t link)> on_try_failed;
    /// Called on the worker's thread when somebody has deleted the TUN device.
    std::function<void()> on_device_gone;
  };
  struct Snapshot {
    std::vector<ClientLink::Snapshot> links;  ///< as in the settings
    std::size_t mtu = 0;
    std::size_t queued_bytes = 0;
    std::uint64_t rx_packets = 0, rx_bytes = 0;  ///< that have come out of it
    DropCounters drops;
    std::uint64_t session_number = 0;  ///< how many there were so far
    std::optional<SessionPaths::Snapshot> session;

    /// The link that says most about how the tunnel is.
    const ClientLink::Snapshot& best() const;
  };

  ClientTunnel(Worker& worker, Settings settings, io::TunQueue tun, const packet::Offloads& offloads);
  ~ClientTunnel() override;

  void set_link(std::size_t link, const LinkView& view) { links_[link]->set_link(view); }
  /// Where the server is, seen from the link.
  void set_servers(std::size_t link, Race::Addresses servers) { links_[link]->set_servers(std::move(servers)); }
  /// For connections from now on.
  void set_tls(const std::shared_ptr<const quic::TlsContext>& tls, const std::optional<std::string>& token);
  /// The networks behind the box are others.
  void set_networks(const std::vector<packet::Prefix>& networks);
  /// The links are to be used otherwise. Only where there was a policy.
  void set_policy(tunnel::Policy policy, ClassPolicies of_classes, const std::vector<tunnel::PathTraits>& traits);
  /// Says goodbye to the server; nothing is sent any more.
  void stop();
  Snapshot snapshot() const;

 private:
  void on_packet(Bytes packet) override;
  void on_handed_out(const policy::HandedOut& handed_out) override { settings_.on_handed_out(handed_out); }
  void on_session(ClientPath& path, const std::string& token) override;
  void has_news() override { worker_.at_end_of_turn(*this); }
  std::optional<masque::SessionWish> wish(const ClientLink& link) override;
  void on_up(ClientLink& link) override;
  void on_down(ClientLink& link) override;
  void on_try_failed(const ClientLink& link) override { settings_.on_try_failed(link.number()); }
  void on_burst(Burst burst) override;
  void on_device_gone() override { settings_.on_device_gone(); }
  void end_of_turn() override;

  bool any_up() const;
  bool seeks_session() const { return settings_.policy.has_value(); }
  void hold_others(const ClientLink& link);
  void end_session();
  void follow_mtu();

  Worker& worker_;
  Settings settings_;
  DropCounters drops_;
  TunPort tun_;
  tunnel::Session queue_;
  policy::HandedOut handed_out_;
  std::unique_ptr<SessionPaths> session_;  ///< while there is one
  std::string session_token_;              ///< of it
  std::uint64_t sessions_ = 0;             ///< so far
  std::vector<std::unique_ptr<ClientLink>> links_;
  bool up_ = false;
  std::size_t mtu_ = 0;
  std::uint64_t received_packets_ = 0;
  std::uint64_t received_bytes_ = 0;
};

}  // namespace mpquic::daemon
