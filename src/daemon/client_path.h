#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/drop.h"
#include "control/status.h"
#include "daemon/h3_client.h"
#include "daemon/session_paths.h"
#include "daemon/udp_port.h"
#include "daemon/worker.h"
#include "packet/address.h"
#include "quic/connection.h"
#include "tunnel/path_source.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

/// What a client's path tells the tunnel that it is for. From within the path's calls, where it must not be destroyed.
class ClientPathOwner {
 public:
  /// An IP packet from the server.
  virtual void on_packet(Bytes packet) = 0;
  /// The path is to be one of a session: join() is due, at once. `token`: that the server has given it; mpquic-ip knows
  /// none.
  virtual void on_session(class ClientPath& path, const std::string& token) = 0;
  /// What the server hands out is another than before, or known for the first time; h3 only.
  virtual void on_handed_out(const policy::HandedOut& handed_out) = 0;
  /// Something has happened: at the end of the turn write() is due, and state() is worth a look.
  virtual void has_news() = 0;

 protected:
  ~ClientPathOwner() = default;
};

//  handshaking --confirmed (mpquic-ip), SETTINGS (h3)--> ready --ask()--> asked --tunnel open, confirmed--> usable;
//  any --closed, silent, no answer--> ended
enum class ClientPathState : std::uint8_t { handshaking, ready, asked, usable, ended };

/// A client's connection to one address of a server, out of one interface: a path of a tunnel.
///
/// At the server the newest request for a tunnel counts. So a path sends none before it is told to ask(): of several
/// that lead to the same server, one at a time.
class ClientPath final : private quic::ConnectionOwner, private H3ClientOwner {
 public:
  /// The same for all paths of a tunnel, and of what is read at once only what is valid now.
  struct Settings {
    quic::TransportSettings transport;
    std::shared_ptr<const quic::TlsContext> tls;
    H3Client::Settings tunnel;                ///< mpquic-ip registers the first of its IPv4 addresses
    policy::HandedOut* handed_out = nullptr;  ///< what the server has handed out: the same for all paths of a tunnel
    tunnel::PathTraits traits{};              ///< in a session
    std::optional<tunnel::Policy> policy{};   ///< that the client would have the server use for it
  };
  struct Way {
    std::string interface;
    packet::Address source;
    packet::SocketAddress server;
  };

  /// `queue` is only sent over the path once that has asked. All references outlive the path.
  static Result<std::unique_ptr<ClientPath>> dial(Worker& worker, const Settings& settings, const Way& way,
                                                  tunnel::Session& queue, ClientPathOwner& owner, DropCounters& drops);
  ~ClientPath();

  ClientPathState state() const;
  /// Asks the server for the tunnel, and over h3 for its place in a session. Once ready.
  void ask(const masque::SessionWish& wish);
  /// From now on it sends what the session gives it.
  void join(SessionPaths& session);
  /// Asked to join a session, and is not answered yet.
  bool joins() const { return wish_.kind == masque::SessionWish::Kind::join && state() == ClientPathState::asked; }
  /// Tells the session and the server what the settings say of the path.
  void describe();
  /// Tells the server that the session's path over another link is gone: it would have to find out by silence.
  void tell_lost(const std::string& link);
  /// Writes what is due. Afterwards state() may be another.
  void write();
  /// Says goodbye, for the other end's log; nothing is sent any more.
  void close(std::string reason);
  /// One line, for the log; empty until it has ended.
  const std::string& end_reason() const { return end_reason_; }
  /// Ended: whether that reason is more than that nobody has answered.
  bool server_answered() const;

  /// The networks behind the box are others.
  void offer_networks();
  /// Of the largest packet that now fits one datagram; 0 while handshaking.
  std::size_t mtu() const;
  const packet::SocketAddress& local() const { return port_.local(); }
  const packet::SocketAddress& remote() const { return remote_; }
  Duration smoothed_rtt() const { return connection_->smoothed_rtt(); }
  quic::ConnectionStatistics statistics() const { return connection_->statistics(); }
  control::Traffic traffic() const;
  /// nullopt: it is no path of a session.
  std::optional<SessionPaths::PathSnapshot> session_snapshot() const;

 private:
  /// What a path has to send that is not usable yet.
  struct Nothing final : quic::DatagramSource {
    const packet::Pieces* front(std::size_t, Instant) override { return nullptr; }
    bool more() const override { return false; }
    void pop() override {}
  };

  ClientPath(Worker& worker, const Settings& settings, const packet::SocketAddress& remote, io::UdpSocket socket,
             std::unique_ptr<quic::Connection> connection, tunnel::Session& queue, ClientPathOwner& owner,
             DropCounters& drops);

  void on_keys() override;
  void on_established() override;
  void on_lost(std::uint64_t number) override;
  void on_acknowledged(std::uint64_t number) override;
  void on_datagram(Bytes datagram) override;
  void on_handed_out(const policy::HandedOut& handed_out) override { owner_.on_handed_out(handed_out); }
  void on_session(const std::string& token) override;
  void on_tunnel_open() override;
  void on_tunnel_packet(Bytes packet) override;
  void on_tunnel_sequenced(Bytes packet) override;
  void on_tunnel_probe(Bytes probe) override;
  void on_tunnel_failed(std::uint64_t code, const std::string& reason) override;

  void on_arrivals(std::span<packet::UdpArrival> arrivals);
  void on_timer();
  bool speaks_h3() const { return settings_.transport.alpn.front() == quic::alpn_h3; }
  quic::DatagramSource& source();
  void register_address();
  /// What mpquic-ip registers.
  const packet::Address& own_ipv4() const;
  void count_received(std::size_t size);
  void watch_silence();
  Instant answer_due() const;
  Instant silence_due() const;

  Worker& worker_;
  const Settings& settings_;
  tunnel::Session& queue_;
  tunnel::PathSource source_;  ///< while it has the tunnel to itself
  Nothing nothing_;
  SessionPaths* session_ = nullptr;
  tunnel::PathId id_ = 0;  ///< there
  ClientPathOwner& owner_;
  DropCounters& drops_;
  packet::SocketAddress remote_;
  std::unique_ptr<quic::Connection> connection_;
  UdpPort port_;
  std::unique_ptr<H3Client> h3_;
  Timer timer_;
  bool established_ = false;  ///< the connection is
  bool asked_ = false;
  masque::SessionWish wish_;
  Instant answer_by_ = never;  ///< h3: until then the server must have answered our request
  /// Something was sent then, and nothing has come back. In a session, whose other end probes: nothing was
  /// acknowledged.
  Instant unanswered_since_ = never;
  std::uint64_t registration_number_ = 0;  ///< of the datagram that carries it
  std::uint64_t received_packets_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::string end_reason_;
};

}  // namespace mpquic::daemon
