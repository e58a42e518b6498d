#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "packet/udp_batch.h"
#include "quic/connection.h"
#include "sim/host.h"
#include "sim/link.h"
#include "sim/watch.h"
#include "tunnel/receiver.h"
#include "tunnel/sender.h"

namespace mpquic::sim {

struct EndSettings {
  tunnel::Policy policy = tunnel::Policy::bonded;
  std::size_t buffers = 16'384;  ///< packets that there is memory for
  double lies = 0;               ///< share of the sequenced packets that come in whose headers lie
};

/// One side of a session: what a daemon has between its TUN device and its sockets.
class End final : public Host, private tunnel::PacketSink, private tunnel::TooBigListener {
 public:
  /// A connection of the session, over one link.
  class Path final : public quic::ConnectionOwner {
   public:
    Path(End& of, std::uint64_t which, std::size_t over, packet::SocketAddress address)
        : end(of), number(which), wan(over), local(address) {}

    void on_established() override { end.on_established(*this); }
    void on_lost(std::uint64_t datagram) override {
      if (id) end.sender_.lost(*id, datagram, end.now_);
    }
    void on_acknowledged(std::uint64_t datagram) override {
      if (id) end.sender_.acknowledged(*id, datagram, end.now_);
    }
    void on_datagram(Bytes datagram) override { end.on_datagram(*this, datagram); }

    End& end;
    const std::uint64_t number;         ///< of its end, never given again
    const std::size_t wan;              ///< number of the link
    const packet::SocketAddress local;  ///< as the end itself sees it
    std::unique_ptr<quic::Connection> connection;
    std::optional<tunnel::PathId> id;  ///< from when it is established
    tunnel::PathTraits traits;
  };

  /// `out` is what it sends into the tunnel, `in` what the other end does.
  End(const EndSettings& settings, Watch& out, Watch& in, Instant now);
  ~End();
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  /// What comes out of the tunnel.
  std::function<void(Bytes)> on_packet = [](Bytes) {};
  /// What was too large, its first bytes, and what would not have been: as an ICMP message tells.
  std::function<void(Bytes, std::size_t)> on_refused = [](Bytes, std::size_t) {};
  /// What goes out over a path.
  std::function<void(const Path&, Parcel)> on_parcel;
  /// Its connection has closed, and it goes.
  std::function<void(const Path&)> on_closed = [](const Path&) {};

  Path& add(std::size_t wan, packet::SocketAddress local, tunnel::PathTraits traits,
            std::unique_ptr<quic::Connection> connection);
  /// False: it was no packet of that connection.
  bool receive(Path& path, Parcel& parcel, Instant now);
  void push(MutableBytes packet, bool in_order, Instant now) override;
  /// As the kernel tells: the link is gone.
  void link_down(std::size_t wan, Instant now);
  /// Everything that is due, and all that can be written.
  void turn(Instant now);
  Instant deadline() const;
  /// Whose deadline is due, in words.
  std::string due(Instant now) const;
  /// Something came since the last turn.
  bool dirty() const { return dirty_; }

  /// The newest over that link; nullptr: none.
  Path* path(std::size_t wan);

  tunnel::Sender& sender() { return sender_; }
  tunnel::Receiver& receiver() { return receiver_; }
  const std::vector<std::unique_ptr<Path>>& paths() const { return paths_; }
  const DropCounters& drops() const { return drops_; }
  std::size_t buffers_in_use() const { return settings_.buffers - pool_.available(); }
  const EndSettings& settings() const { return settings_; }
  std::size_t queued() const { return session_.queued_bytes(); }

 private:
  void deliver(Bytes packet) override;
  void on_too_big(const packet::Pieces& packet, std::size_t mtu) override { on_refused(packet.head, mtu); }
  void on_established(Path& path);
  void on_datagram(Path& path, Bytes datagram);
  Bytes falsified(Bytes datagram);
  void remove_closed();
  void write(Path& path);

  const EndSettings settings_;
  std::minstd_rand random_;  ///< for lies
  std::array<std::uint8_t, 2048> falsified_{};
  packet::BufferPool pool_;
  DropCounters drops_;
  Watch& out_;
  Watch& in_;
  tunnel::Session session_;
  tunnel::Sender sender_;
  tunnel::Receiver receiver_;
  std::vector<std::unique_ptr<Path>> paths_;
  std::uint64_t next_path_ = 0;
  packet::UdpBatch batch_{packet::UdpBatch::max_run, true};
  Instant now_;
  bool dirty_ = true;
};

}  // namespace mpquic::sim
