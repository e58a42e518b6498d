#pragma once

#include <gtest/gtest.h>

#include <map>

#include "masque/tunnel_client.h"
#include "masque/tunnel_server.h"
#include "quic/connection_fixture.h"

namespace mpquic::masque {

using namespace std::chrono_literals;
using packet::Address;
using packet::Prefix;
using Packet = std::vector<std::uint8_t>;
using Packets = std::vector<Packet>;

/// What one end has heard, in words and values.
struct Heard {
  std::vector<AddressEntry> requests, addresses;
  std::vector<AddressRange> routes;
  std::vector<Address> dns_servers;
  std::vector<Packet> packets, sequenced, probes;
  std::vector<PathDescription> paths;
  std::vector<std::string> lost_paths;
  std::vector<std::string> closed;
};

template <class Events>
class Listener : public Events {
 public:
  virtual ~Listener() = default;
  void on_address_request(StreamId, const std::vector<AddressEntry>& requests) override { heard.requests = requests; }
  void on_addresses(StreamId, const std::vector<AddressEntry>& addresses) override { heard.addresses = addresses; }
  void on_routes(StreamId, const std::vector<AddressRange>& ranges) override { heard.routes = ranges; }
  void on_dns_servers(StreamId, const std::vector<Address>& servers) override { heard.dns_servers = servers; }
  void on_packet(StreamId, Bytes packet) override { heard.packets.emplace_back(packet.begin(), packet.end()); }
  void on_sequenced(StreamId, Bytes packet) override { heard.sequenced.emplace_back(packet.begin(), packet.end()); }
  void on_probe(StreamId, Bytes probe) override { heard.probes.emplace_back(probe.begin(), probe.end()); }
  void on_closed(StreamId, std::uint64_t, const std::string& reason) override { heard.closed.push_back(reason); }

  Heard heard;
};

class ClientSide final : public Listener<ClientEvents> {
 public:
  ClientSide(quic::Client& end, const IpRequest& request)
      : tunnels(end.connection(), *this, drops), end_(end), request_(request) {}
  void on_ready() override { stream = tunnels.open(request_); }
  void on_accepted(StreamId accepted, const std::string& token) override {
    EXPECT_EQ(accepted, stream);
    session = token;
    const Bytes prefix = tunnels.prefix(accepted);
    end_.user.datagram_prefix.assign(prefix.begin(), prefix.end());
    open = true;
  }
  void on_refused(StreamId, const Refusal& why) override { refusals.push_back(why); }

  DropCounters drops;
  TunnelClient tunnels;
  std::optional<StreamId> stream;
  std::string session;
  std::vector<Refusal> refusals;
  bool open = false;

 private:
  quic::Client& end_;
  IpRequest request_;
};

class ServerSide final : public Listener<ServerEvents> {
 public:
  explicit ServerSide(quic::Connection& connection) : tunnels(connection, *this, drops) {}
  void on_request(StreamId stream, const IpRequest& request) override {
    asked[stream] = request;
    if (refusal)
      tunnels.refuse(stream, *refusal);
    else if (accepts)
      tunnels.accept(stream, session);
  }
  void on_path_description(StreamId, const PathDescription& path) override { heard.paths.push_back(path); }
  void on_path_lost(StreamId, const std::string& name) override { heard.lost_paths.push_back(name); }

  DropCounters drops;
  TunnelServer tunnels;
  std::map<StreamId, IpRequest> asked;
  std::optional<Refusal> refusal;
  std::string session;
  bool accepts = true;
};

/// A client and a server of CONNECT-IP over real QUIC connections, 20 ms apart.
class TunnelsTest : public quic::ConnectionTest {
 protected:
  TunnelsTest() { transport_.streams = server_settings_.transport.streams = true; }

  void begin() {
    client_side_.reset();  // they use the connections of the ends that are made anew
    server_side_.reset();
    start_server();
    server().on_accept = [this](quic::AcceptedConnection& accepted) {
      accepted.user.begin_protocol = [this, &accepted] {
        server_side_ = std::make_unique<ServerSide>(accepted.connection());
        server_side_->refusal = refusal_;
        server_side_->session = session_;
        server_side_->accepts = accepts_;
      };
    };
    quic::Client& end = dial();
    end.user.begin_protocol = [this, &end] { client_side_ = std::make_unique<ClientSide>(end, request_); };
  }
  bool comes_up() {
    begin();
    return network_.run(2s, [this] { return client_side_ && client_side_->open; });
  }
  ClientSide& mine() { return *client_side_; }
  ServerSide& theirs() { return *server_side_; }
  /// QUIC's datagrams, as the daemon hands them on.
  void hand_on_datagrams() {
    for (const auto& datagram : std::exchange(client().user.received, {})) mine().tunnels.on_datagram(datagram);
    for (const auto& datagram : std::exchange(accepted().user.received, {})) theirs().tunnels.on_datagram(datagram);
  }

  IpRequest request_{"198.51.100.1:45010", {}, std::nullopt, "cr5"};
  std::optional<Refusal> refusal_;
  std::string session_;  ///< that the server agrees to
  bool accepts_ = true;
  std::unique_ptr<ClientSide> client_side_;
  std::unique_ptr<ServerSide> server_side_;
};

}  // namespace mpquic::masque
