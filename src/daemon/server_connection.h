#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/path_host.h"
#include "daemon/server_path.h"
#include "quic/connection.h"

namespace mpquic::daemon {

/// What a server speaks with one client, as the ALPN chose it. Told on the worker's thread, within the connection's
/// calls.
class ServerProtocol {
 public:
  virtual ~ServerProtocol() = default;
  virtual void on_established() = 0;
  virtual void on_datagram(Bytes datagram) = 0;
  /// The control thread has decided about a path's addresses.
  virtual void on_assigned(ServerPath& path, const Assignment& assignment) = 0;
  /// The name that one of the paths is to lead to has been looked up.
  virtual void on_looked_up(ServerPath& path, const NameAnswer& answer) = 0;
  /// A newer connection has the addresses of one of the paths.
  virtual void on_superseded(ServerPath& path) = 0;
  /// The rules are others: the client may own other things now, or be no client any more.
  virtual void look_up_again() = 0;
  /// Something is about to be written: what came in since the last time can be answered.
  virtual void before_writing() = 0;
  /// Bytes of a datagram that are no packet.
  virtual std::size_t overhead() const = 0;
  /// What a connection is closed with when nothing is wrong.
  virtual std::uint64_t no_error() const = 0;
  /// When before_writing() has something to do though nothing came.
  virtual Instant deadline() const = 0;
};

/// One client's QUIC connection at the server, and the tunnels that the client has over it.
class ServerConnection final : private quic::ConnectionOwner, private quic::DatagramSource {
 public:
  ServerConnection(PathHost& host, std::uint64_t number, std::unique_ptr<quic::Connection> connection);
  ~ServerConnection();

  static ServerConnection& of(quic::Connection& connection) {
    return static_cast<ServerConnection&>(connection.owner());
  }

  std::uint64_t number() const { return number_; }
  quic::Connection& quic() { return *connection_; }
  const quic::Connection& quic() const { return *connection_; }
  bool established() const { return !handshaking_; }
  Instant since() const { return since_; }

  void receive(MutableBytes payload, const packet::UdpArrival& arrival);
  /// Writes what is due. False: the batch is full.
  bool write(packet::UdpBatch& batch);
  /// After write(): whether it is over and can be destroyed.
  bool over() const { return connection_->state() == quic::ConnectionState::closed; }
  void look_up_again();
  void assigned(ServerPath& path, const Assignment& assignment) { protocol_->on_assigned(path, assignment); }
  void looked_up(ServerPath& path, const NameAnswer& answer) { protocol_->on_looked_up(path, answer); }
  void supersede(ServerPath& path) { protocol_->on_superseded(path); }
  /// Says goodbye: with an application error code of the protocol, and why.
  void close(std::uint64_t code, const std::string& reason);
  /// The same when nothing is wrong.
  void leave(const std::string& reason);
  void wants_to_write() { host_.wants_to_write(*this); }
  PathHost& host() { return host_; }

  // For the protocol:
  /// Of a session of the worker's.
  ServerPath& add_path(ServerSession& session);
  void remove_path(ServerPath& path);
  /// One of the paths can be used: this client can be called if we crash.
  void opened();

  const std::vector<std::unique_ptr<ServerPath>>& paths() const { return paths_; }
  /// Whose path it is, when it is one of a shared session: then it carries nothing else.
  ServerSession* shared_session() const;
  /// Of datagrams that belonged to no path.
  DropCounters& drops() { return drops_; }
  const DropCounters& drops() const { return drops_; }
  /// Largest packet that a datagram has room for; 0 while there is none.
  std::size_t mtu() const;
  /// The connection's, whose counters only one of its paths has.
  quic::ConnectionStatistics statistics_of(const ServerPath& path) const;
  DropCounters drops_of(const ServerPath& path) const;

 private:
  void on_keys() override;
  void on_established() override;
  void on_lost(std::uint64_t number) override;
  void on_acknowledged(std::uint64_t number) override;
  void on_datagram(Bytes datagram) override;

  const packet::Pieces* front(std::size_t max_size, Instant now) override;
  bool more() const override;
  void pop() override;
  Bytes prefix() const override { return paths_[turn_]->source().prefix(); }

  void on_timer();
  void follow_mtu();
  ConnectionRef ref() const { return {host_.worker().index(), number_}; }

  PathHost& host_;
  std::uint64_t number_;
  std::unique_ptr<quic::Connection> connection_;
  DropCounters drops_;
  std::vector<std::unique_ptr<ServerPath>> paths_;
  std::size_t turn_ = 0;                      ///< of paths_: whose packet front() shows, or looks for first
  std::unique_ptr<ServerProtocol> protocol_;  ///< from on_keys() on
  bool handshaking_ = true;
  bool can_be_called_ = false;
  Instant since_{};
  std::size_t mtu_ = 0;
  Timer timer_;
};

}  // namespace mpquic::daemon
