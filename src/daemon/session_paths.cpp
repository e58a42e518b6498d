#include "daemon/session_paths.h"

#include <algorithm>
#include <utility>

#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// What was sent and is not acknowledged yet, and what waits for something missing: 1 Gbit/s for 130 ms. Each session
// has its own, so that none can starve another; what was never used is not resident.
constexpr std::size_t packets_in_memory = 12'288;

constexpr std::uint32_t most_policies = 5;

}  // namespace

bool wants_order(Bytes packet) {
  const auto ip = packet::IpView::parse_front(packet, packet.size());
  return ip && ip->protocol() == packet::protocol::tcp;
}

SessionPaths::SessionPaths(Worker& worker, tunnel::Session& queue, tunnel::Policy policy, tunnel::Wire wire,
                           DropCounters& drops, std::function<void(Bytes)> packets, std::function<void()> on_due)
    : worker_(worker),
      drops_(drops),
      packets_(std::move(packets)),
      memory_(PacketMemory::small_size, packets_in_memory),
      sender_(queue, memory_, policy, wire, worker.now()),
      receiver_(tunnel::ReceiverLimits{}, memory_, drops),
      timer_(std::move(on_due)) {}

std::optional<tunnel::PathId> SessionPaths::add(const quic::Connection& connection, const tunnel::PathTraits& traits,
                                                const tunnel::PathPrefixes& prefixes) {
  const auto path = sender_.add_path(traits, prefixes, connection.smoothed_rtt(), worker_.now());
  if (!path) return std::nullopt;
  receiver_.add_path(*path);
  connections_[*path] = &connection;
  ++count_;
  return path;
}

void SessionPaths::remove(tunnel::PathId path) {
  sender_.remove_path(path, worker_.now());
  receiver_.remove_path(path, worker_.now(), *this);
  connections_[path] = nullptr;
  --count_;
}

void SessionPaths::receive(tunnel::PathId path, Bytes sequenced) {
  receiver_.receive(path, sequenced, worker_.now(), *this);
}

void SessionPaths::receive_probe(tunnel::PathId path, Bytes probe) {
  receiver_.receive_probe(path, probe, worker_.now());
}

void SessionPaths::push(Burst burst, std::optional<tunnel::Policy> policy) {
  auto packets = packet::Splitter::begin(burst.header, burst.packet);
  if (!packets) return drops_.count(packets.error());
  std::uint32_t flow = packet::flow_hash(burst.packet);
  // Classes don't share a flow of the queue, whatever their hashes are.
  if (policy) flow = flow * most_policies + std::to_underlying(*policy);
  sender_.push(std::move(burst.memory), std::move(*packets), flow, wants_order(burst.packet), worker_.now(), policy);
}

void SessionPaths::prepare() {
  const Instant now = worker_.now();
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] == nullptr) continue;
    const auto path = static_cast<tunnel::PathId>(i);
    sender_.after_receive(path, now);
    sender_.heard(path, connections_[i]->last_received(), now);
    receiver_.follow_round_trip(path, connections_[i]->smoothed_rtt());
  }
  sender_.on_deadline(now);
  receiver_.on_deadline(now, *this);
}

void SessionPaths::follow_deadline() {
  worker_.timers().set(timer_, std::min(sender_.deadline(), receiver_.deadline()));
}

}  // namespace mpquic::daemon
