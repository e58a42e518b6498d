#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "daemon/server_context.h"
#include "daemon/server_rules.h"
#include "daemon/server_tun.h"
#include "daemon/worker.h"

namespace mpquic::daemon {

class ServerConnection;
class ServerSessions;

/// The listening port that a connection has come in through.
class PathHost {
 public:
  virtual Worker& worker() = 0;
  virtual const ServerRules& rules() = 0;
  virtual ControlThread& control() = 0;
  /// Why the client's certificate would not be let in now; empty: it would, or it has shown none.
  virtual std::string distrust(const quic::Connection& connection) = 0;

  /// The tunnel on this port for a client that registers `address`; nullptr: none that the peer may use.
  virtual ServerTun* tunnel_for(const peers::Peer& peer, const packet::Address& address) = 0;
  /// The tunnel on this port for a client that calls it `name` and wants these addresses; nullptr: none that it may
  /// use.
  virtual ServerTun* tunnel_for(const peers::Peer& peer, const std::string& name,
                                std::span<const packet::Address> wanted) = 0;
  /// The session that a destination leads to, in whatever tunnel, and a number that changes with the routes.
  virtual std::optional<peers::SessionRef> session_to(const packet::Address& destination) = 0;
  virtual std::uint64_t state_of_routes() = 0;

  /// All sessions of the worker.
  virtual ServerSessions& sessions() = 0;
  /// The connection has something to write at the end of the turn.
  virtual void wants_to_write(ServerConnection& connection) = 0;
  virtual void handshake_over() = 0;
  /// A complaint for the log about a stranger: anybody can make it long.
  virtual bool may_complain() = 0;
  /// The largest inner packet that a path of the tunnel carries has changed.
  virtual void on_mtu(const ServerTun& tunnel, std::size_t mtu) = 0;

 protected:
  ~PathHost() = default;
};

}  // namespace mpquic::daemon
