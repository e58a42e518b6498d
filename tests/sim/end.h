#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "packet/ip.h"
#include "quic/connection.h"
#include "sim/link.h"
#include "tunnel/receiver.h"
#include "tunnel/sender.h"

namespace mpquic::sim {

/// One side of a session: what a daemon has between its TUN device and its sockets.
class End final : private tunnel::PacketSink, private tunnel::TooBigListener {
 public:
  /// A connection of the session, over one link.
  class Path final : public quic::ConnectionOwner {
   public:
    Path(End& of, packet::SocketAddress from, Link& over) : end(of), local(from), link(over) {}

    void on_established() override { end.on_established(*this); }
    void on_lost(std::uint64_t number) override { end.sender_->lost(*id, number, end.now_); }
    void on_acknowledged(std::uint64_t number) override { end.sender_->acknowledged(*id, number, end.now_); }
    void on_datagram(Bytes datagram) override { end.on_datagram(*this, datagram); }

    End& end;
    packet::SocketAddress local;
    Link& link;
    std::unique_ptr<quic::Connection> connection;
    std::optional<tunnel::PathId> id;  ///< once established
    tunnel::PathTraits traits;
  };

  End(tunnel::Policy policy, Instant now);
  ~End();
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  /// What comes out of the tunnel.
  std::function<void(Bytes)> on_packet = [](Bytes) {};

  Path& add(packet::SocketAddress local, Link& link, tunnel::PathTraits traits);
  void receive(Path& path, Parcel& parcel, Instant now);
  /// An IP packet into the tunnel. `in_order`: of TCP.
  void push(Bytes packet, bool in_order, Instant now);
  /// Everything that is due, and all that can be written.
  void turn(Instant now);
  Instant deadline() const;
  bool dirty() const { return dirty_; }

  tunnel::Sender& sender() { return *sender_; }
  tunnel::Receiver& receiver() { return *receiver_; }
  const std::vector<std::unique_ptr<Path>>& paths() const { return paths_; }
  const DropCounters& drops() const { return drops_; }
  std::size_t free_buffers() const { return pool_.available(); }
  std::size_t queued() const { return session_.queued_bytes(); }

 private:
  void deliver(Bytes packet) override { on_packet(packet); }
  void on_too_big(const packet::Pieces&, std::size_t) override {}
  void on_established(Path& path);
  void on_datagram(Path& path, Bytes datagram);
  void write(Path& path);

  packet::BufferPool pool_{2048, 16'384};
  DropCounters drops_;
  tunnel::Session session_;
  std::unique_ptr<tunnel::Sender> sender_;
  std::unique_ptr<tunnel::Receiver> receiver_;
  std::vector<std::unique_ptr<Path>> paths_;
  Instant now_;
  bool dirty_ = true;
};

}  // namespace mpquic::sim
