#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/drop.h"
#include "base/time.h"
#include "masque/tunnel_client.h"
#include "packet/address.h"
#include "policy/handed_out.h"
#include "tunnel/path_source.h"

namespace mpquic::daemon {

/// What comes of a request for a tunnel. Within the connection's calls.
class H3ClientOwner {
 public:
  /// What the server hands out is another than before, or known for the first time.
  virtual void on_handed_out(const policy::HandedOut& handed_out) = 0;
  /// The server makes the tunnel a path of the session that has this token. What comes next may be of it.
  virtual void on_session(const std::string& token) = 0;
  /// The server has accepted, and packets have an address to come from.
  virtual void on_tunnel_open() = 0;
  virtual void on_tunnel_packet(Bytes packet) = 0;
  virtual void on_tunnel_sequenced(Bytes packet) = 0;
  virtual void on_tunnel_probe(Bytes probe) = 0;
  /// There is no tunnel, or no longer. The connection is of no more use.
  virtual void on_tunnel_failed(std::uint64_t code, const std::string& reason) = 0;

 protected:
  ~H3ClientOwner() = default;
};

/// CONNECT-IP at the client (RFC 9484): one tunnel, or one path of a session, over one connection.
///
///   waiting for SETTINGS --on_ready()--> ready --ask()--> asked --2xx, addresses--> open;  any --closed--> failed
class H3Client final : private masque::ClientEvents, public tunnel::Overflow {
 public:
  struct Settings {
    std::string name;       ///< of the tunnel
    std::string authority;  ///< the server's, as HTTP has it
    std::optional<std::string> token;
    std::vector<packet::Address> addresses;  ///< to ask for; empty: any
    std::vector<packet::Prefix> networks;    ///< behind us
  };
  /// The server has so long to answer the request.
  static constexpr Duration time_limit = std::chrono::seconds(5);

  /// In ConnectionOwner::on_keys(). All references outlive it. `handed_out`: by the server, so far, over any path of
  /// the session.
  H3Client(quic::Connection& connection, const Settings& settings, policy::HandedOut& handed_out, H3ClientOwner& owner,
           DropCounters& drops);

  /// Whether the server can be asked for the tunnel.
  bool ready() const { return ready_; }
  /// Once ready. Who joins a session has what that was given.
  void ask(const masque::SessionWish& wish);
  bool open() const { return open_; }
  /// What it still waits for, in words.
  std::string waits_for() const;
  void on_datagram(Bytes datagram) { tunnels_.on_datagram(datagram); }
  /// Once accepted: what stands before each packet.
  Bytes prefix(std::uint64_t context) const { return tunnels_.prefix(*stream_, context); }
  /// Once asked: what the server is to know of the path.
  void describe(const masque::PathDescription& path);
  /// Once asked: another path of the session, over the link of this name, is gone.
  void tell_lost(const std::string& link);
  bool datagrams() const { return tunnels_.datagrams(); }
  bool take(const packet::Pieces& packet) override { return tunnels_.send_over_stream(*stream_, packet); }
  /// The networks behind us are others.
  void offer(const std::vector<packet::Prefix>& networks);

 private:
  void on_ready() override { ready_ = true; }
  void on_accepted(masque::StreamId tunnel, const std::string& session) override;
  void on_refused(masque::StreamId tunnel, const masque::Refusal& refusal) override;
  void on_address_request(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& requests) override;
  void on_addresses(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& addresses) override;
  void on_routes(masque::StreamId tunnel, const std::vector<masque::AddressRange>& ranges) override;
  void on_dns_servers(masque::StreamId tunnel, const std::vector<packet::Address>& servers) override;
  void on_packet(masque::StreamId tunnel, Bytes packet) override;
  void on_sequenced(masque::StreamId, Bytes packet) override { owner_.on_tunnel_sequenced(packet); }
  void on_probe(masque::StreamId, Bytes probe) override { owner_.on_tunnel_probe(probe); }
  void on_closed(masque::StreamId tunnel, std::uint64_t code, const std::string& reason) override;
  void on_excess(std::string_view what);
  void complain_about_networks(const std::vector<packet::Prefix>& owned) const;
  void learn(policy::HandedOut now);
  void look_whether_open();

  const Settings& settings_;
  H3ClientOwner& owner_;
  masque::TunnelClient tunnels_;
  std::optional<masque::StreamId> stream_;
  policy::HandedOut& handed_out_;
  bool joins_ = false;
  bool ready_ = false;
  bool accepted_ = false;
  bool assigned_ = false;  ///< an answer to our request for addresses has come
  bool open_ = false;
};

}  // namespace mpquic::daemon
