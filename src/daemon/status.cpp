#include "daemon/status.h"

#include <algorithm>

namespace mpquic::daemon {

std::string describe(ClientLinkState state) {
  switch (state) {
    case ClientLinkState::waiting: return "waiting for link";
    case ClientLinkState::connecting: return "connecting";
    case ClientLinkState::up: return "up";
    case ClientLinkState::backing_off: return "backing off";
  }
  return {};
}

control::Traffic traffic_of(const quic::ConnectionStatistics& statistics) {
  return {statistics.tx_datagrams, statistics.tx_bytes, statistics.rx_datagrams, statistics.rx_bytes};
}

control::ConnectionStatus connection_status(const quic::ConnectionStatistics& statistics) {
  control::ConnectionStatus status;
  const auto microseconds = [](Duration duration) {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  };
  status.rtt_us = microseconds(statistics.smoothed_rtt);
  status.rtt_min_us = microseconds(statistics.min_rtt);
  if (statistics.tx_datagrams != 0) {
    status.loss_ratio = static_cast<double>(statistics.lost_datagrams) / static_cast<double>(statistics.tx_datagrams);
  }
  status.loss_ratio_recent = statistics.recent_loss;
  status.congestion_window = statistics.congestion_window;
  status.bytes_in_flight = statistics.bytes_in_flight;
  status.traffic = traffic_of(statistics);
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
