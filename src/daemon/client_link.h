#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/drop.h"
#include "control/status.h"
#include "daemon/client_path.h"
#include "daemon/race.h"
#include "daemon/redial.h"
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

//  waiting --usable--> connecting --first path usable--> up;  connecting --all paths ended--> backing_off
//  up --path ended--> backing_off --time--> connecting;  any --link lost, held back--> waiting
enum class ClientLinkState : std::uint8_t { waiting, connecting, up, backing_off };

class ClientLink;

/// The tunnel that goes over a link.
class ClientLinkOwner : public ClientPathOwner {
 public:
  /// What a path of the link that is ready is to ask for; nullopt: nothing, for now.
  virtual std::optional<masque::SessionWish> wish(const ClientLink& link) = 0;
  virtual void on_up(ClientLink& link) = 0;
  /// It was up. Its path is gone.
  virtual void on_down(ClientLink& link) = 0;
  /// A server did not answer, or the connection to it has ended.
  virtual void on_try_failed(const ClientLink& link) = 0;

 protected:
  ~ClientLinkOwner() = default;
};

/// A client's way to the server over one of its links: a path that is made again and again. While connecting, paths to
/// the server's addresses race: the first that is usable stays.
class ClientLink final {
 public:
  struct Settings {
    std::size_t number = 0;  ///< of the tunnel's links, from 0
    std::string link;        ///< its name
    std::string label;       ///< for the log: the tunnel, and if it has several the link
    ClientPath::Settings path;
  };
  struct Snapshot {
    std::string link;
    ClientLinkState state = ClientLinkState::waiting;
    std::string detail;  ///< of the state: what is missing, why it closed
    std::optional<packet::SocketAddress> local, remote;
    Instant since{};
    std::size_t mtu = 0;
    std::uint64_t connections = 0;          ///< that came up so far
    quic::ConnectionStatistics connection;  ///< of the current one
    control::Traffic traffic;               ///< of the current one
    control::Traffic total;                 ///< of all
    tunnel::PathTraits traits;
    std::optional<SessionPaths::PathSnapshot> path;  ///< while it is one of a session
  };

  /// All references outlive it. `queue`: what waits for a path that has the tunnel to itself.
  ClientLink(Worker& worker, Settings settings, tunnel::Session& queue, ClientLinkOwner& owner, DropCounters& drops);

  void set_link(const LinkView& link);
  /// Where the server is, in the order in which to try. A connection that stands goes on wherever it leads.
  void set_servers(Race::Addresses servers);
  /// For connections from now on.
  void set_tls(std::shared_ptr<const quic::TlsContext> tls, std::optional<std::string> token);
  void set_networks(const std::vector<packet::Prefix>& networks);
  void describe(const tunnel::PathTraits& traits, tunnel::Policy policy);
  /// The tunnel's path over another link is gone: the server is told.
  void tell_lost(const std::string& link);
  /// No connection is of use until release(): why, for the status.
  void hold(const std::string& why);
  void release();
  /// The session that a path has asked to join is over.
  void give_up_joining();
  void stop();

  // The parts of a turn:
  void choose_path();
  void write();
  void clean_up();

  std::size_t number() const { return settings_.number; }
  const std::string& name() const { return settings_.link; }
  ClientLinkState state() const { return state_; }
  const std::string& detail() const { return detail_; }
  /// A path has asked, and is not answered yet.
  bool asking() const;
  /// Once up.
  const ClientPath& path() const { return *paths_.front(); }
  Instant since() const { return since_; }
  Snapshot snapshot() const;

 private:
  using Paths = std::vector<std::unique_ptr<ClientPath>>;

  void on_timer();
  void dial();
  void wait(const std::string& why);
  Race::Addresses reachable_servers() const;
  void start_paths();
  void come_up(const Paths::value_type& winner);
  void remove_ended();
  Paths::iterator remove(Paths::iterator path);
  void hang_up();
  void redial(std::string reason);
  void enter(ClientLinkState state, std::string detail);

  Worker& worker_;
  Settings settings_;
  tunnel::Session& queue_;
  ClientLinkOwner& owner_;
  DropCounters& drops_;
  LinkView link_;
  Race::Addresses servers_;
  Race race_;
  Paths paths_;  ///< up: the one that is used; connecting: those that race
  Redial redial_;
  Timer timer_;
  std::optional<std::string> held_;
  ClientLinkState state_ = ClientLinkState::waiting;
  std::string detail_ = "not looked at yet";
  Instant since_{};
  Instant tried_at_{};
  std::uint64_t connections_ = 0;
  control::Traffic past_;  ///< of the connections before
};

}  // namespace mpquic::daemon
