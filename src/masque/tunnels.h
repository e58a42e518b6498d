#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/drop.h"
#include "masque/address_capsules.h"
#include "masque/capsule.h"
#include "masque/dns_capsule.h"
#include "masque/http3.h"
#include "masque/http_datagram.h"
#include "masque/path_capsule.h"
#include "masque/route_capsule.h"
#include "packet/split.h"

namespace mpquic::masque {

/// What the other end of a tunnel says. A tunnel is named by the stream of its request.
class TunnelEvents {
 public:
  virtual void on_address_request(StreamId tunnel, const std::vector<AddressEntry>& requests) = 0;
  /// All that we may use from now on (RFC 9484, 4.7.1).
  virtual void on_addresses(StreamId tunnel, const std::vector<AddressEntry>& addresses) = 0;
  /// All that the other end routes from now on (RFC 9484, 4.7.3).
  virtual void on_routes(StreamId tunnel, const std::vector<AddressRange>& ranges) = 0;
  /// All DNS servers that we may ask through the tunnel from now on.
  virtual void on_dns_servers(StreamId tunnel, const std::vector<packet::Address>& servers) = 0;
  /// Valid during the call. It may be anything: nobody has looked at it.
  virtual void on_packet(StreamId tunnel, Bytes packet) = 0;
  /// As above: a sequenced packet of the session whose path this is, from the sequence header on.
  virtual void on_sequenced(StreamId tunnel, Bytes packet) = 0;
  /// As above: a probe of this path.
  virtual void on_probe(StreamId tunnel, Bytes probe) = 0;
  /// The tunnel, or the wish for it, is over. `code` is the HTTP/3 error that we see in it.
  virtual void on_closed(StreamId tunnel, std::uint64_t code, const std::string& reason) = 0;

 protected:
  ~TunnelEvents() = default;
};

/// The IP tunnels of one connection (RFC 9484), from the side that both ends share: capsules and datagrams.
///
///   asked --2xx--> open;  any --closed, broken off, malformed--> gone
class Tunnels : protected Http3Owner {
 public:
  Tunnels(const Tunnels&) = delete;
  Tunnels& operator=(const Tunnels&) = delete;

  /// Whether the other end's SETTINGS are there; it has some seconds for them.
  bool settled() const { return settled_; }
  /// Whether packets may go as QUIC datagrams. If not, they go over the request's stream.
  bool datagrams() const { return settings_.datagrams; }

  void send_address_request(StreamId tunnel, std::span<const AddressEntry> requests);
  void send_addresses(StreamId tunnel, std::span<const AddressEntry> addresses);
  void send_routes(StreamId tunnel, std::span<const AddressRange> ranges);
  void send_dns_servers(StreamId tunnel, std::span<const packet::Address> servers);
  /// What stands before a packet of the tunnel in a QUIC datagram. `context`: ip_context or, once the tunnel is known
  /// to be a path of a session, another of http_datagram.h.
  Bytes prefix(StreamId tunnel, std::uint64_t context = ip_context) const;
  /// Sends a packet over the tunnel's stream (RFC 9297, 3.5). False: too much waits there already.
  bool send_over_stream(StreamId tunnel, const packet::Pieces& packet);
  /// Ends it; on_closed() is not called.
  void close(StreamId tunnel);

  /// A QUIC datagram has come.
  void on_datagram(Bytes datagram);

 protected:
  struct Tunnel final : CapsuleSink {
    Tunnel(Tunnels& owner, StreamId request, SessionWish wished)
        : home(owner),
          stream(request),
          prefixes{prefix_of(ip_context), prefix_of(sequenced_context), prefix_of(probe_context)},
          wish(std::move(wished)) {}
    Result<void> on_capsule(CapsuleType type, Bytes value) override { return home.on_capsule(*this, type, value); }

    DatagramPrefix prefix_of(std::uint64_t context) const {
      return DatagramPrefix(static_cast<std::uint64_t>(stream), context);
    }

    Tunnels& home;
    StreamId stream;
    std::array<DatagramPrefix, 3> prefixes;  ///< of the context ids 0, 2, 4
    CapsuleReader capsules{early_capsule_value_size_max};
    SessionWish wish;      ///< the client's
    bool session = false;  ///< the server has agreed to it
    bool open = false;
    std::vector<std::vector<std::uint8_t>> early;  ///< what came before it was open, from the context id on
    std::size_t early_bytes = 0;
  };

  /// `events`, `drops` and `connection` outlive it.
  Tunnels(quic::Connection& connection, TunnelEvents& events, DropCounters& drops)
      : connection_(connection), events_(events), drops_(drops) {}
  ~Tunnels() = default;

  void begin(Http3::Role role);
  Http3& http() { return *http_; }
  bool usable() const { return http_ != nullptr; }
  quic::Connection& connection() { return connection_; }
  const PeerSettings& settings() const { return settings_; }
  Tunnel* find(StreamId stream) const;
  Tunnel& add(StreamId stream, const SessionWish& wish);
  /// `session`: it is a path of one.
  void open(Tunnel& tunnel, bool session);
  /// The tunnel is over for this reason, and its stream aborted with this HTTP/3 error code.
  void fail(StreamId stream, std::uint64_t code, const std::string& reason);
  void forget(StreamId stream);
  void send(StreamId tunnel, std::vector<std::uint8_t> capsule);
  /// Frees tunnels that are forgotten. Not while one may be read.
  void sweep() { forgotten_.clear(); }

  /// What only one of the ends is told.
  virtual void on_path_description(StreamId tunnel, const PathDescription& path) = 0;
  virtual void on_path_lost(StreamId tunnel, const std::string& name) = 0;

  void on_settings(const PeerSettings& settings) override;
  void on_content(StreamId request, Bytes content) override;
  void on_content_end(StreamId request) override;
  void on_broken(StreamId request) override;
  void on_request_closed(StreamId request) override;

 private:
  Result<void> on_capsule(Tunnel& tunnel, CapsuleType type, Bytes value);
  void on_payload(Tunnel& tunnel, Bytes payload);
  void deliver(const Tunnel& tunnel, const IpDatagram& datagram);

  quic::Connection& connection_;
  TunnelEvents& events_;
  DropCounters& drops_;
  std::unique_ptr<Http3> http_;
  PeerSettings settings_;
  bool settled_ = false;
  std::vector<std::unique_ptr<Tunnel>> tunnels_;    ///< mostly one
  std::vector<std::unique_ptr<Tunnel>> forgotten_;  ///< until sweep(): one of them may be reading what has come
};

}  // namespace mpquic::masque
