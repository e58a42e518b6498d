#pragma once

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/token_bucket.h"
#include "daemon/server_connection.h"
#include "masque/tunnel_server.h"
#include "tunnel/path_source.h"

namespace mpquic::daemon {

/// CONNECT-IP at the server (RFC 9484): each request of the client's is a tunnel of its own, or a path of a session
/// that there is. Who the client is, its certificate or a token of the request says; which addresses it gets, the
/// control thread.
///
///   asked --peer, tunnel--> looking up a name, if it is to lead to one --addresses of that--> assigning --own
///   addresses--> open;  any --refused, closed--> gone
class H3Server final : public ServerProtocol, private masque::ServerEvents {
 public:
  H3Server(PathHost& host, ServerConnection& connection);

  void on_established() override;
  void on_datagram(Bytes datagram) override { tunnels_.on_datagram(datagram); }
  void on_assigned(ServerPath& path, const Assignment& assignment) override;
  void on_looked_up(ServerPath& path, const NameAnswer& answer) override;
  void on_superseded(ServerPath& path) override;
  void look_up_again() override;
  void before_writing() override;
  std::size_t overhead() const override { return overhead_; }
  std::uint64_t no_error() const override;
  Instant deadline() const override { return std::min(deadline_, decide_at_); }

 private:
  /// A tunnel, or a path of one, that the client has or wants to have.
  struct Request final : tunnel::Overflow {
    Request(masque::TunnelServer& server, masque::StreamId request, masque::IpRequest headers)
        : tunnels(server), stream(request), asked(std::move(headers)) {}
    bool take(const packet::Pieces& packet) override { return tunnels.send_over_stream(stream, packet); }

    masque::TunnelServer& tunnels;
    masque::StreamId stream;
    masque::IpRequest asked;
    ServerPath* path = nullptr;                        ///< once it is known whose it is
    bool looking_up = false;                           ///< where it is to lead
    std::vector<masque::AddressEntry> unanswered;      ///< requests for addresses
    std::set<std::uint64_t> request_ids;               ///< so far
    std::vector<packet::Address> dns_servers;          ///< that it has been told of
    std::optional<masque::PathDescription> described;  ///< before it was a path
    bool open = false;
  };

  void on_request(masque::StreamId tunnel, const masque::IpRequest& request) override;
  void on_address_request(masque::StreamId tunnel, const std::vector<masque::AddressEntry>& requests) override;
  void on_addresses(masque::StreamId, const std::vector<masque::AddressEntry>&) override {}  // we have our own
  void on_dns_servers(masque::StreamId, const std::vector<packet::Address>&) override {}     // we ask our own
  void on_routes(masque::StreamId tunnel, const std::vector<masque::AddressRange>& ranges) override;
  void on_path_description(masque::StreamId tunnel, const masque::PathDescription& path) override;
  void on_path_lost(masque::StreamId tunnel, const std::string& name) override;
  void on_packet(masque::StreamId tunnel, Bytes packet) override;
  void on_sequenced(masque::StreamId tunnel, Bytes packet) override;
  void on_probe(masque::StreamId tunnel, Bytes probe) override;
  void on_closed(masque::StreamId tunnel, std::uint64_t code, const std::string& reason) override;

  Request* find(masque::StreamId tunnel);
  Request* find(const ServerPath& path);
  std::shared_ptr<const peers::Peer> peer_of(const masque::IpRequest& request) const;
  void decide(Request& request);
  void join(Request& request, const peers::Peer& peer);
  std::string new_instance(const Request& request, const peers::Peer& peer) const;
  void limit(Request& request, std::vector<packet::Prefix> targets);
  void ask_for_addresses(Request& request);
  void open(Request& request);
  bool has_connection_to_itself(const Request& request) const;
  bool share(Request& request);
  void carry(Request& request);
  void accept(Request& request, std::string_view session_token);
  void tell_addresses(Request& request);
  void tell_routes(const Request& request);
  void tell_dns_servers(Request& request);
  void refuse(Request& request, int status, const std::string& reason, std::string_view proxy_error = {});
  void remove(masque::StreamId tunnel);
  void watch_for_tunnels();

  PathHost& host_;
  ServerConnection& connection_;
  masque::TunnelServer tunnels_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::size_t overhead_ = 0;  ///< of the first tunnel that was opened
  TokenBucket decisions_;
  Instant decide_at_ = never;  ///< requests that had to wait
  Instant deadline_;           ///< by when the client must have a tunnel, or go
};

}  // namespace mpquic::daemon
