#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "base/drop.h"
#include "daemon/tun_port.h"
#include "daemon/worker.h"
#include "packet/buffer_pool.h"
#include "quic/connection.h"
#include "tunnel/receiver.h"
#include "tunnel/sender.h"
#include "tunnel/session.h"

namespace mpquic::daemon {

/// The connections that carry one session, at either end, on its worker: a tunnel::Sender and a tunnel::Receiver, with
/// memory and a timer of their own.
///
///   a turn: datagrams, acknowledgements, packets of the TUN device come in -> prepare() -> each connection is written
///           from its source() -> follow_deadline()
class SessionPaths final : private tunnel::PacketSink {
 public:
  struct PathSnapshot {
    tunnel::SenderPathStatistics sent;
    tunnel::ReceiverPathStatistics received;
  };
  struct Snapshot {
    tunnel::Policy policy = tunnel::Policy::bonded;
    tunnel::ReceiverStatistics received;
  };

  /// `packets` gets what comes out of the tunnel. `on_due`: a turn is due though nothing came. References outlive it.
  SessionPaths(Worker& worker, tunnel::Session& queue, tunnel::Policy policy, tunnel::Wire wire, DropCounters& drops,
               std::function<void(Bytes)> packets, std::function<void()> on_due);

  /// The connection is a path from now on, and carries nothing else: its datagrams are counted here. nullopt: there are
  /// as many as there can be.
  std::optional<tunnel::PathId> add(const quic::Connection& connection, const tunnel::PathTraits& traits,
                                    const tunnel::PathPrefixes& prefixes);
  /// The connection is gone, or will be.
  void remove(tunnel::PathId path);
  bool empty() const { return count_ == 0; }

  void describe(tunnel::PathId path, const tunnel::PathTraits& traits) {
    sender_.describe(path, traits, worker_.now());
  }
  /// Its link is gone, or is to prove that it is not.
  void down(tunnel::PathId path) { sender_.down(path, worker_.now()); }
  /// What is told to the sender of a path: source(), set_overflow() ...
  tunnel::Sender& sender() { return sender_; }
  PathSnapshot snapshot(tunnel::PathId path) const { return {sender_.statistics(path), receiver_.statistics(path)}; }
  Snapshot snapshot() const { return {sender_.policy(), receiver_.statistics()}; }

  /// Of the path's datagrams, as quic::ConnectionOwner counts them.
  void acknowledged(tunnel::PathId path, std::uint64_t number) { sender_.acknowledged(path, number, worker_.now()); }
  void lost(tunnel::PathId path, std::uint64_t number) { sender_.lost(path, number, worker_.now()); }
  /// Datagrams that came over the path, from the sequence header on; probes.
  void receive(tunnel::PathId path, Bytes sequenced);
  void receive_probe(tunnel::PathId path, Bytes probe);
  /// From the TUN device. `policy`: of its class, if it is not that of the session.
  void push(Burst burst, std::optional<tunnel::Policy> policy = std::nullopt);

  void prepare();
  void follow_deadline();

 private:
  void deliver(Bytes packet) override { packets_(packet); }

  Worker& worker_;
  DropCounters& drops_;
  std::function<void(Bytes)> packets_;
  packet::BufferPool memory_;
  tunnel::Sender sender_;
  tunnel::Receiver receiver_;
  std::array<const quic::Connection*, tunnel::most_paths> connections_{};
  std::size_t count_ = 0;
  Timer timer_;
};

/// Whether packets of this flow are to come out in the order in which they went in: those that overtake each other are
/// taken for losses (TCP).
bool wants_order(Bytes packet);

}  // namespace mpquic::daemon
