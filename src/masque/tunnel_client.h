#pragma once

#include <optional>

#include "masque/tunnels.h"

namespace mpquic::masque {

/// What a server says beyond what both ends do.
class ClientEvents : public TunnelEvents {
 public:
  /// The server is one of CONNECT-IP: open() can be called.
  virtual void on_ready() = 0;
  /// The tunnel stands. Refusals come as on_closed().
  virtual void on_accepted(StreamId tunnel) = 0;

 protected:
  ~ClientEvents() = default;
};

/// The client's end of CONNECT-IP tunnels over one connection (RFC 9484, 4.4).
class TunnelClient final : public Tunnels {
 public:
  /// In ConnectionOwner::on_keys().
  TunnelClient(quic::Connection& connection, ClientEvents& events, DropCounters& drops);

  /// nullopt: the server allows no more requests.
  std::optional<StreamId> open(const IpRequest& request);

 private:
  void on_settings(const PeerSettings& settings) override;
  void on_headers(StreamId request, const std::vector<Header>& headers) override;

  ClientEvents& events_;
};

}  // namespace mpquic::masque
