#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "control/status.h"
#include "daemon/server_session.h"
#include "quic/connection.h"
#include "tunnel/path_source.h"

namespace mpquic::daemon {

class ServerConnection;

/// What one connection of a client's carries of one of its sessions: all of it, or its share.
///
///   asked --carry()--> the only path of its session;  asked --join()--> one of the paths of a shared one
class ServerPath {
 public:
  struct Snapshot {
    peers::SessionRef session;
    std::uint64_t connection = 0;  ///< unique on its worker
    std::string peer, tunnel;
    packet::SocketAddress remote, local;
    bool established = false;
    Instant since{};
    std::size_t mtu = 0;
    std::size_t queued_bytes = 0;
    quic::ConnectionStatistics statistics;
    control::Traffic traffic;
    DropCounters drops;
    tunnel::PathTraits traits;
    std::optional<SessionPaths::PathSnapshot> path;  ///< of a shared session
  };

  ServerPath(ServerSession& session, ServerConnection& connection);
  ~ServerPath();
  ServerPath(const ServerPath&) = delete;
  ServerPath& operator=(const ServerPath&) = delete;

  ServerSession& session() { return session_; }
  const ServerSession& session() const { return session_; }
  ServerConnection& connection() { return connection_; }

  /// The session's packets go out over the connection, each behind this prefix.
  void carry(Bytes prefix);
  /// The connection is a path of the shared session. False: that has as many as it can.
  bool join(tunnel::Wire wire, const tunnel::PathPrefixes& prefixes);
  /// Once it is usable: where packets up to `smallest_mtu` go that no datagram has room for.
  void set_overflow(tunnel::Overflow& overflow, std::size_t smallest_mtu);
  bool usable() const { return source_ || id_; }
  bool shares() const { return id_.has_value(); }
  /// Once it is usable: what the connection sends for it.
  quic::DatagramSource& source();
  /// Something of it waits.
  bool waits() const { return usable() && session_.queued_bytes() > 0; }
  /// Only carry(): packets have no other way than set_overflow()'s.
  void overflow_all(Instant now);

  const tunnel::PathTraits& traits() const { return traits_; }
  /// Of a shared session: it is not used until something comes over it.
  void suspect();
  /// What the client says of the path, before or after it has joined.
  void describe(const masque::PathDescription& description);
  /// From the client: a packet; of a shared session, one from the sequence header on, and a probe.
  void receive(Bytes packet);
  void receive_sequenced(Bytes packet);
  void receive_probe(Bytes probe);
  /// Of the connection's datagrams, as it counts them.
  void on_acknowledged(std::uint64_t number);
  void on_lost(std::uint64_t number);

  Snapshot snapshot() const;

 private:
  ServerSession& session_;
  ServerConnection& connection_;
  std::optional<tunnel::PathSource> source_;
  std::optional<tunnel::PathId> id_;
  tunnel::PathTraits traits_;
  std::uint64_t received_packets_ = 0;
  std::uint64_t received_bytes_ = 0;
};

}  // namespace mpquic::daemon
