#pragma once

#include <memory>
#include <vector>

#include "quic/certificates.h"
#include "quic/server_endpoint.h"
#include "sim/end.h"
#include "sim/events.h"
#include "sim/link.h"

namespace mpquic::sim {

/// A link of the box, both ways.
struct Wan {
  LinkSettings up, down;
  tunnel::PathTraits traits;

  /// The same both ways: `rate` in Mbit/s, `round_trip` in ms.
  static Wan of(double rate, double round_trip, double loss = 0) {
    const auto delay = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(round_trip / 2));
    const LinkSettings both{.delay = delay, .rate = rate * 1e6, .loss = loss};
    return {both, both, {}};
  }
};

/// A box and a server, with a session over the links between them, under a virtual clock. The same seed, the same run.
class World {
 public:
  World(std::uint64_t seed, tunnel::Policy policy, std::vector<Wan> wans);

  /// Until all paths stand, at most two seconds.
  bool connect();
  void run(Duration span) { run_until(now + span); }
  void run_until(Instant end);

  Instant now = Instant() + std::chrono::hours(1);
  Events events;
  std::vector<std::unique_ptr<Link>> up, down;
  End box, server;

 private:
  quic::TransportSettings transport_;
  std::shared_ptr<const quic::TlsContext> client_tls_;
  DropCounters drops_;
  quic::ServerEndpoint endpoint_;
};

}  // namespace mpquic::sim
