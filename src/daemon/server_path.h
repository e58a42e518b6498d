#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/drop.h"
#include "base/token_bucket.h"
#include "daemon/server_context.h"
#include "daemon/server_tun.h"
#include "peers/directory.h"
#include "quic/connection.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

class ServerPath;

/// The listening port that a path belongs to.
class PathHost {
 public:
  virtual Worker& worker() = 0;
  virtual const peers::Directory& directory() = 0;
  /// What a new connection is held against; an older one may have been made with another.
  virtual const quic::TlsContext& tls() = 0;
  virtual ControlThread& control() = 0;
  /// The tunnel on this port for a client that registers `address`; nullptr: none that the peer may use.
  virtual ServerTun* tunnel_for(const peers::Peer& peer, const packet::Address& address) = 0;
  /// The path has something to write at the end of the turn.
  virtual void wants_to_write(ServerPath& path) = 0;
  virtual void handshake_over() = 0;
  /// The largest inner packet that the path carries has changed.
  virtual void on_mtu(const ServerTun& tunnel, std::size_t mtu) = 0;

 protected:
  ~PathHost() = default;
};

/// One client's connection at the server.
///
///   handshaking --established--> unregistered --first datagram--> registered --newer connection--> superseded
class ServerPath final : private quic::ConnectionOwner {
 public:
  struct Snapshot {
    peers::PathRef ref;
    std::string peer, tunnel;
    packet::SocketAddress remote, local;
    std::optional<packet::Address> address;
    bool established = false;
    Instant since{};
    std::size_t mtu = 0;
    std::size_t queued_bytes = 0;
    quic::ConnectionStatistics connection;
    DropCounters drops;
  };

  ServerPath(PathHost& host, peers::PathRef ref, std::unique_ptr<quic::Connection> connection);
  ~ServerPath();

  static ServerPath& of(quic::Connection& connection) { return static_cast<ServerPath&>(connection.owner()); }

  peers::PathRef ref() const { return ref_; }
  quic::Connection& connection() { return *connection_; }

  void receive(MutableBytes payload, const packet::UdpArrival& arrival);
  /// From the TUN device, for the client.
  void push(Burst burst);
  /// A newer connection has taken the tunnel address: this one neither gets nor delivers anything from now on.
  void supersede();
  /// The way to `prefix` has led here: the registry is to be told again when the host there is heard again.
  void no_longer_leads_to(const packet::Prefix& prefix);
  /// The directory is another one: the client may own other things now, or be no client any more.
  void look_up_again();
  void close(const std::string& reason);

  /// Writes what is due. False: the batch is full.
  bool write(packet::UdpBatch& batch);
  /// After write(): whether it is over and can be destroyed.
  bool over() const { return connection_->state() == quic::ConnectionState::closed; }

  Snapshot snapshot() const;
  const DropCounters& drops() const { return drops_; }
  ServerTun* tunnel() const { return tunnel_; }

 private:
  void on_established() override;
  void on_lost(std::uint64_t) override {}
  void on_datagram(Bytes datagram) override;

  bool register_by(Bytes datagram);
  void register_again(const packet::Address& address);
  /// Ends the connection if its certificate would not be let in any more: it was revoked, or its authority is gone.
  bool close_if_distrusted();
  /// Ends the connection: nothing that the client sends could come through.
  void refuse(const packet::Address& address, std::string_view why);
  bool accept_source(const packet::Address& source);
  void tell_registry(const packet::Address& source);
  void on_timer();

  PathHost& host_;
  peers::PathRef ref_;
  DropCounters drops_;
  std::unique_ptr<quic::Connection> connection_;
  std::shared_ptr<const peers::Peer> peer_;
  ServerTun* tunnel_ = nullptr;             ///< once registered
  std::optional<packet::Address> address_;  ///< that was registered
  std::optional<tunnel::Session> session_;  ///< once registered
  bool superseded_ = false;
  bool by_packet_ = false;  ///< registered by a packet's source, for want of a registration
  bool handshaking_ = true;
  Instant since_{};
  std::size_t mtu_ = 0;
  Timer timer_;
  // Sources that the registry has been told of, and when; it wants to hear again from time to time (learned routes
  // expire). The newest is kept apart, since packets come in flows.
  std::optional<packet::Address> last_source_;
  Instant last_told_{};
  std::unordered_map<packet::Address, Instant> told_;
  TokenBucket tells_;
};

}  // namespace mpquic::daemon
