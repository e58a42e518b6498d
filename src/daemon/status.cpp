#include "daemon/status.h"

#include <algorithm>

namespace mpquic::daemon {
namespace {

std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

std::string describe(tunnel::Policy policy) {
  switch (policy) {
    case tunnel::Policy::failover: return "failover";
    case tunnel::Policy::balanced: return "balanced";
    case tunnel::Policy::bonded: return "bonded";
    case tunnel::Policy::redundant: return "redundant";
  }
  return {};
}

/// The part of it that the connection itself knows.
control::ConnectionStatus status_of(const quic::ConnectionStatistics& statistics) {
  control::ConnectionStatus status;
  status.rtt_us = microseconds(statistics.smoothed_rtt);
  status.rtt_min_us = microseconds(statistics.min_rtt);
  if (statistics.tx_datagrams != 0) {
    status.loss_ratio = static_cast<double>(statistics.lost_datagrams) / static_cast<double>(statistics.tx_datagrams);
  }
  status.loss_ratio_recent = statistics.recent_loss;
  status.congestion_window = statistics.congestion_window;
  status.bytes_in_flight = statistics.bytes_in_flight;
  return status;
}

control::PathStatus path_status(const tunnel::PathTraits& traits, const SessionPaths::PathSnapshot& path) {
  control::PathStatus status;
  status.priority = traits.priority;
  status.weight = traits.weight;
  status.metered = traits.metered;
  status.health = path.sent.works ? "works" : path.sent.probation ? "on probation" : "silent";
  status.in_use = path.sent.chosen && path.sent.works;
  status.bit_rate = static_cast<std::uint64_t>(path.sent.capacity * 8);
  status.loss_ratio_recent = path.sent.loss;
  status.repairs = path.sent.repairs;
  status.duplicates = path.sent.duplicates;
  status.probes = path.sent.probes;
  status.silences = path.sent.silences;
  status.rx_copies = path.received.copies;
  status.rx_missing = path.received.missing;
  status.rx_delay_us = microseconds(path.received.delay);
  return status;
}

}  // namespace

std::string describe(ClientLinkState state) {
  switch (state) {
    case ClientLinkState::waiting: return "waiting for link";
    case ClientLinkState::connecting: return "connecting";
    case ClientLinkState::up: return "up";
    case ClientLinkState::backing_off: return "backing off";
  }
  return {};
}

std::uint64_t number_of(const peers::SessionRef& session) {
  return std::uint64_t{session.worker} << 48 | session.number;
}

control::ConnectionStatus connection_status(const ClientLink::Snapshot& link, Instant now) {
  control::ConnectionStatus status = status_of(link.connection);
  status.id = link.connections;
  status.link = link.link;
  status.state = describe(link.state);
  status.detail = link.detail;
  status.since_seconds = seconds_between(link.since, now);
  status.reconnects = link.connections == 0 ? 0 : link.connections - 1;
  if (!link.local) return status;
  status.remote_address = link.remote->to_string();
  status.local_address = link.local->to_string();
  status.mtu = link.mtu;
  status.traffic = link.traffic;
  if (link.path) status.path = path_status(link.traits, *link.path);
  return status;
}

control::ConnectionStatus connection_status(const ServerPath::Snapshot& path, Instant now) {
  control::ConnectionStatus status = status_of(path.statistics);
  status.id = number_of({path.session.worker, path.connection});
  status.peer = path.peer;
  status.remote_address = path.remote.to_string();
  status.local_address = path.local.to_string();
  status.link = path.traits.name;
  status.state = "up";
  status.since_seconds = seconds_between(path.since, now);
  status.mtu = path.mtu;
  status.traffic = path.traffic;
  status.queue_bytes = path.queued_bytes;
  status.drops = path.drops;
  if (!path.path) return status;
  status.session = number_of(path.session);
  status.path = path_status(path.traits, *path.path);
  return status;
}

control::SessionStatus session_status(const SessionPaths::Snapshot& session) {
  const tunnel::ReceiverStatistics& received = session.received;
  control::SessionStatus status;
  status.policy = describe(session.policy);
  status.filled = received.filled;
  status.repaired = received.repaired;
  status.given_up = received.given_up;
  status.late = received.late;
  status.duplicates = received.duplicates;
  status.held_packets = received.held_packets;
  return status;
}

std::uint64_t seconds_between(Instant from, Instant to) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(to - from).count()));
}

quic::CongestionControl congestion_of(config::CongestionControl configured) {
  switch (configured) {
    case config::CongestionControl::bbr: return quic::CongestionControl::bbr;
    case config::CongestionControl::cubic: return quic::CongestionControl::cubic;
  }
  return quic::CongestionControl::bbr;
}

tunnel::Policy policy_of(config::PathPolicy configured) {
  switch (configured) {
    case config::PathPolicy::failover: return tunnel::Policy::failover;
    case config::PathPolicy::balanced: return tunnel::Policy::balanced;
    case config::PathPolicy::bonded: return tunnel::Policy::bonded;
    case config::PathPolicy::redundant: return tunnel::Policy::redundant;
  }
  return tunnel::Policy::bonded;
}

}  // namespace mpquic::daemon
