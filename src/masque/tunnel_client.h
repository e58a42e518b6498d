#pragma once

#include <optional>

#include "masque/tunnels.h"

namespace mpquic::masque {

/// What a server says beyond what both ends do.
class ClientEvents : public TunnelEvents {
 public:
  /// The server is one of CONNECT-IP: open() can be called.
  virtual void on_ready() = 0;
  /// The tunnel stands. `session`: the token of the one whose path it is, with which other connections join; empty: it
  /// was not asked for, or the server has none.
  virtual void on_accepted(StreamId tunnel, const std::string& session) = 0;
  /// There is no tunnel: the server does not want it, or its answer makes no sense.
  virtual void on_refused(StreamId tunnel, const Refusal& refusal) = 0;

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
  /// What the server is to know of the path that the tunnel is in its session, at any time; the newest counts.
  void send_path_description(StreamId tunnel, const PathDescription& path);
  /// Another path of its session is gone; the server, which can't know yet, need not wait for it.
  void send_path_lost(StreamId tunnel, std::string_view name);

 private:
  void on_settings(const PeerSettings& settings) override;
  void on_headers(StreamId request, const std::vector<Header>& headers) override;
  void on_path_description(StreamId, const PathDescription&) override {}  // ours are what counts
  void on_path_lost(StreamId, const std::string&) override {}

  ClientEvents& events_;
};

}  // namespace mpquic::masque
