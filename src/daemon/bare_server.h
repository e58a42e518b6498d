#pragma once

#include "daemon/server_connection.h"

namespace mpquic::daemon {

/// `mpquic-ip` at the server (docs/protocol.md): every datagram is a packet, and the first one says which tunnel
/// address the client has. In a tunnel with a policy, connections of one client with the same address are the paths of
/// one session; in others the newest connection has the address.
class BareServer final : public ServerProtocol {
 public:
  BareServer(PathHost& host, ServerConnection& connection);

  void on_established() override;
  void on_datagram(Bytes datagram) override;
  void on_assigned(ServerPath&, const Assignment&) override {}   // nothing is ever asked for
  void on_looked_up(ServerPath&, const NameAnswer&) override {}  // nor this
  void on_superseded(ServerPath& path) override;
  void look_up_again() override;
  void before_writing() override {}
  std::size_t overhead() const override { return 0; }
  std::uint64_t no_error() const override { return 0; }
  Instant deadline() const override { return never; }

 private:
  ServerSession& session() { return path_->session(); }
  bool register_by(Bytes datagram);
  bool join_group(const packet::Address& address, const ServerTun& tunnel);
  void register_again(const packet::Address& address);
  void claim(const packet::Address& address);
  /// Ends the connection: nothing that the client sends could come through.
  void refuse(const packet::Address& address, std::string_view why);

  PathHost& host_;
  ServerConnection& connection_;
  ServerPath* path_;
  bool by_packet_ = false;  ///< registered by a packet's source, for want of a registration
};

}  // namespace mpquic::daemon
