#pragma once

#include <string_view>

#include "masque/tunnels.h"

namespace mpquic::masque {

/// What a client says beyond what both ends do.
class ServerEvents : public TunnelEvents {
 public:
  /// A client asks for a tunnel: accept() or refuse() it, now or later.
  virtual void on_request(StreamId tunnel, const IpRequest& request) = 0;
  /// What the client says of the path that the tunnel is in its session, perhaps before it is answered, and whether or
  /// not it has asked for a session. The newest counts.
  virtual void on_path_description(StreamId tunnel, const PathDescription& path) = 0;
  /// The client says, over a path of its session, that the one of this name is gone.
  virtual void on_path_lost(StreamId tunnel, const std::string& name) = 0;

 protected:
  ~ServerEvents() = default;
};

/// The server's end of CONNECT-IP tunnels over one connection (RFC 9484, 4.5).
class TunnelServer final : public Tunnels {
 public:
  /// In ConnectionOwner::on_keys().
  TunnelServer(quic::Connection& connection, ServerEvents& events, DropCounters& drops);

  /// Packets that came early are handed over from within. `session`: the token of the one whose path the tunnel
  /// becomes, if the request asked for one; empty: none.
  void accept(StreamId tunnel, std::string_view session = {});
  /// `refusal.status`: of HTTP, 400 and up; 0: the message is malformed. on_closed() is not called.
  void refuse(StreamId tunnel, const Refusal& refusal);

 private:
  void on_headers(StreamId request, const std::vector<Header>& headers) override;
  void on_path_description(StreamId tunnel, const PathDescription& path) override;
  void on_path_lost(StreamId tunnel, const std::string& name) override { events_.on_path_lost(tunnel, name); }

  ServerEvents& events_;
};

}  // namespace mpquic::masque
