#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "quic/server_endpoint.h"
#include "sim/end.h"
#include "sim/events.h"
#include "sim/invariants.h"
#include "sim/link.h"
#include "sim/watch.h"

namespace mpquic::sim {

/// A link of the box, both ways.
struct Wan {
  LinkSettings up, down;
  tunnel::PathTraits traits;

  /// The same both ways: `rate` in Mbit/s, `round_trip` in ms.
  static Wan of(double rate, double round_trip, double loss = 0);
};

struct WorldSettings {
  std::uint64_t seed = 1;
  EndSettings box, server;
  std::vector<Wan> wans;
  quic::CongestionControl congestion = quic::CongestionControl::bbr;
};

/// A box and a server, with a session over the links between them, under a virtual clock. The same settings, the same
/// run, to the nanosecond.
///
///   box --up[i]--> server       one connection over each link, dialled again a while after it closed
///   box <-down[i]--
class World {
 public:
  explicit World(const WorldSettings& settings);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// Until a path stands over every link; false: not within that time.
  bool connect(Duration longest = std::chrono::seconds(5));
  void run(Duration span) { run_until(now + span); }
  void run_until(Instant end);

  std::size_t wans() const { return up.size(); }
  /// Whether something can pass both ways.
  bool passes(std::size_t wan) const { return !up[wan]->is_cut() && !down[wan]->is_cut(); }
  /// A black hole, in the directions that are true.
  void cut(std::size_t wan, bool up_is_cut, bool down_is_cut);
  /// The cable is pulled: both ways, and the box is told so.
  void pull(std::size_t wan);
  /// A NAT on the way forgets the box: from now on its packets come from another address, and what goes to the old one
  /// is lost.
  void rebind(std::size_t wan);

  /// Nothing is sent any more, and there was time enough for all to arrive: what must hold then?
  void check_at_rest() { invariants_.at_rest(); }
  /// What was seen to be wrong, the first of it.
  const std::vector<std::string>& complaints() const { return complaints_; }
  void complain(const std::string& what);
  /// Of all that came out of the tunnel so far.
  std::uint64_t digest() const { return to_server.digest() * 31 + to_box.digest(); }
  /// Parcels that came to where nobody wants them.
  std::uint64_t misdirected() const { return misdirected_; }
  std::array<End*, 2> ends() { return {&box, &server}; }
  std::uint64_t turns() const { return turns_; }

  /// Prints what happens, to standard output.
  void set_trace(bool on) { trace_on_ = on; }
  void trace(std::string_view what) const;

  Instant now = start;
  Events events;
  Watch to_server, to_box;  ///< by direction
  std::vector<std::unique_ptr<Link>> up, down;
  End box, server;

  static constexpr Instant start = Instant() + std::chrono::hours(1);

 private:
  void dial(std::size_t wan);
  void arrive_at_server(std::size_t wan, Parcel parcel);
  void arrive_at_box(std::size_t wan, Parcel parcel);
  void turn(End& end);

  WorldSettings settings_;
  quic::TransportSettings transport_;
  std::shared_ptr<const quic::TlsContext> client_tls_;
  DropCounters drops_;
  std::unique_ptr<quic::ServerEndpoint> endpoint_;
  std::vector<packet::SocketAddress> outside_;  ///< of the box, as the server sees it, by link
  std::uint16_t next_port_ = 40'000;
  std::vector<std::string> complaints_;
  Invariants invariants_;
  std::uint64_t misdirected_ = 0;
  std::uint64_t turns_ = 0;
  bool trace_on_ = false;
  bool over_ = false;
};

}  // namespace mpquic::sim
