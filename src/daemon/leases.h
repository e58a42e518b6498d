#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "daemon/lease_file.h"
#include "daemon/node.h"
#include "daemon/server_context.h"
#include "peers/address_pool.h"
#include "peers/session_ref.h"

namespace mpquic::daemon {

/// The tunnel addresses that a server hands out, which of its sessions use them, and the file that they are remembered
/// in. On the control thread.
class Leases {
 public:
  /// `tools` outlives it.
  Leases(const config::ServerConfig& configuration, const std::filesystem::path& file, const ControlTools& tools);

  /// What there is to hand out is another from now on.
  void configure(const config::ServerConfig& configuration);
  /// For a session that has asked; the error is for the client. Asked again, it keeps what it has if it still may.
  Result<std::vector<packet::Address>> assign(peers::SessionRef session, const peers::Peer& peer,
                                              const AddressWish& wish);
  /// What a client of mpquic-ip says to be its address is not handed out to another of its tunnels.
  void reserve(peers::SessionRef session, const peers::Peer& peer, const std::string& tunnel,
               const packet::Address& address);
  /// The session is gone.
  void release(peers::SessionRef session);
  /// Writes down what is not yet written.
  void finish() { file_.finish(); }

 private:
  void changed();

  const ControlTools& tools_;
  peers::AddressPool pool_;
  std::map<peers::SessionRef, peers::LeaseKey> used_;
  LeaseFile file_;
  Timer timer_;
};

}  // namespace mpquic::daemon
