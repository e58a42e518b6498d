#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/drop.h"
#include "base/time.h"
#include "packet/split.h"
#include "quic/connection.h"
#include "tunnel/queue.h"

namespace mpquic::tunnel {

/// Is told of packets that can't fit the path, and answers them with ICMP.
class TooBigListener {
 public:
  virtual void on_too_big(const packet::Pieces& packet, std::size_t mtu) = 0;

 protected:
  ~TooBigListener() = default;
};

/// One direction of a tunnel with one peer: what waits to be sent, above the path that sends it.
///
///   closed --open()--> settling --a second--> open --settle()--> settling;  any --close()--> closed
///
/// While settling, path MTU discovery has yet to find out what the path carries: a packet that is too large so far
/// waits, and what is behind it too, instead of being refused.
class Session final : public quic::DatagramSource {
 public:
  Session(const QueueLimits& limits, DropCounters& drops, TooBigListener& listener);

  /// A connection is there.
  void open(Instant now);
  /// Another connection has come, beside the one that is there: its path has to be found out about, too.
  void settle(Instant now);
  /// Nothing can be sent; what waits is dropped (Drop::no_path).
  void close();
  bool is_open() const { return open_; }

  /// A packet or super-packet from the TUN device; dropped and counted while closed.
  void push(packet::Buffer memory, packet::Splitter packets, std::uint32_t flow_hash, Instant now);
  /// Sends the 4 bytes of a registration (docs/protocol.md) ahead of everything else.
  void send_registration(const packet::Address& tunnel_address);

  /// Packets up to this size are given by front() even if they do not fit: they have another way.
  void let_through(std::size_t size) { let_through_ = size; }

  const packet::Pieces* front(std::size_t max_size, Instant now) override { return front(max_size, now, nullptr); }
  /// As Queue::front(). What does not fit, but is no larger than `elsewhere`, is given all the same: another path has
  /// room for it.
  const packet::Pieces* front(std::size_t max_size, Instant now, const FlowFilter* filter, std::size_t elsewhere = 0);
  FlowId front_flow() const { return queue_.front_flow(); }
  FlowId flow_of(std::uint32_t flow_hash) const { return queue_.flow_of(flow_hash); }
  std::size_t queued_bytes_of(FlowId flow) const { return queue_.bytes_of(flow); }
  bool more() const override { return registration_waits_ ? !queue_.empty() : queue_.more(); }
  void pop() override;
  /// Of any path.
  void pause(bool pauses) override { queue_.pause_codel(pauses); }

  /// Of the path below, as it is measured.
  void follow_round_trip(Duration round_trip) { queue_.follow_round_trip(round_trip); }
  void allow_standing(Duration delay) { queue_.allow_standing(delay); }
  /// When front() may give something that it holds back now.
  Instant deadline() const { return held_back_ ? settled_at_ : never; }
  std::size_t queued_bytes() const { return queue_.bytes(); }

 private:
  DropCounters& drops_;
  TooBigListener& listener_;
  Queue queue_;
  std::size_t let_through_ = 0;
  bool open_ = false;
  bool held_back_ = false;
  Instant settled_at_ = never;
  bool registration_waits_ = false;
  std::array<std::uint8_t, 4> registration_bytes_{};
  packet::Pieces registration_;
};

}  // namespace mpquic::tunnel
