#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/last_clients.h"
#include "packet/address.h"
#include "peers/directory.h"
#include "peers/session_ref.h"

namespace mpquic::daemon {

/// What a client that has asked for a tunnel would like to have.
struct AddressWish {
  std::string tunnel;    ///< the server's
  std::string instance;  ///< what tells several tunnels of one client apart
  std::vector<packet::Address> wanted;
};

/// What the control thread says to that.
struct Assignment {
  std::vector<packet::Address> addresses;
  std::string refusal;  ///< why there are no addresses; empty: there are
};

/// What came of looking up a name for a client.
struct NameAnswer {
  std::vector<packet::Address> addresses;
  std::string failure;  ///< why there are no addresses; empty: there are
};

/// How a server's workers reach the control thread, which owns the registry and the TUN devices. Called on a worker's
/// thread; what the registry decides comes as peers::Changes to all workers.
class ControlThread {
 public:
  virtual void claim(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const std::string& tunnel,
                     const packet::Address& address) = 0;
  /// The answer comes to ServerSession::assigned(); the session has the addresses by then. Asked again, it keeps them
  /// if it still may.
  virtual void assign(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer, const AddressWish& wish) = 0;
  /// For this client. The answer comes to ServerSession::looked_up().
  virtual void look_up(peers::SessionRef session, const std::string& client, const std::string& name) = 0;
  virtual void learn(peers::SessionRef session, const packet::Address& source) = 0;
  /// The configuration now says this of the session's client.
  virtual void change_peer(peers::SessionRef session, std::shared_ptr<const peers::Peer> peer) = 0;
  virtual void gone(peers::SessionRef session) = 0;
  /// This is how a client can be told if we crash.
  virtual void connected(ConnectionRef connection, const LastClient& client) = 0;
  virtual void disconnected(ConnectionRef connection) = 0;
  /// A path of this tunnel carries inner packets of `mtu` bytes.
  virtual void path_mtu(const std::string& tunnel, std::size_t mtu) = 0;

 protected:
  ~ControlThread() = default;
};

}  // namespace mpquic::daemon
