#pragma once

#include "daemon/server_connection.h"

namespace mpquic::daemon {

/// `mpquic-ip` at the server (docs/protocol.md): every datagram is a packet, and the first one says which tunnel
/// address the client has.
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
  bool register_by(Bytes datagram);
  void register_again(const packet::Address& address);
  void claim(const packet::Address& address);
  /// Ends the connection: nothing that the client sends could come through.
  void refuse(const packet::Address& address, std::string_view why);

  PathHost& host_;
  ServerConnection& connection_;
  ServerPath& path_;
  ServerSession& session_;
  bool by_packet_ = false;  ///< registered by a packet's source, for want of a registration
};

}  // namespace mpquic::daemon
