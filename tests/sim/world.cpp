#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "sim/certificates.h"
#include "sim/randomness.h"

namespace mpquic::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration redial_after = std::chrono::seconds(1);
// A real clock moves on between two turns, too.
constexpr Duration least_step = std::chrono::microseconds(1);
constexpr std::size_t most_complaints = 20;

const Certificates& certificates() {
  static const Certificates made;
  return made;
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "the simulation can't begin: %s\n", result.error().message.c_str());
  std::abort();
}

const packet::SocketAddress server_address = packet::SocketAddress::parse("198.51.100.1:45010").value();

packet::SocketAddress box_address(std::size_t wan, std::uint16_t port) {
  return {packet::Address::parse(fmt::format("192.0.2.{}", wan + 1)).value(), port};
}

}  // namespace

Wan Wan::of(double rate, double round_trip, double loss) {
  const auto delay = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(round_trip / 2));
  const LinkSettings both{.delay = delay, .rate = rate * 1e6, .loss = loss};
  return {both, both, {}};
}

World::World(const WorldSettings& settings)
    : to_server([this](const std::string& what) { complain("to the server: " + what); }),
      to_box([this](const std::string& what) { complain("to the box: " + what); }),
      box(settings.box, to_server, to_box, now),
      server(settings.server, to_box, to_server, now),
      settings_(settings),
      client_tls_(must(quic::TlsContext::load(certificates().client()))),
      invariants_(*this) {
  seed_randomness(settings.seed);
  transport_.congestion = settings.congestion;
  const quic::ServerCredentials credentials{must(quic::TlsContext::load(certificates().server())), {{1}, {2}}};
  endpoint_ = std::make_unique<quic::ServerEndpoint>(transport_, credentials, quic::WorkerSlot{},
                                                     quic::AdmissionLimits{}, drops_);
  box.on_parcel = [this](const End::Path& path, Parcel parcel) {
    parcel.from = outside_[path.wan];
    up[path.wan]->send(std::move(parcel), now);
  };
  server.on_parcel = [this](const End::Path& path, Parcel parcel) { down[path.wan]->send(std::move(parcel), now); };
  box.on_closed = [this](const End::Path& path) {
    trace(fmt::format("box: path over link {} closed: {}", path.wan + 1, path.connection->close_reason()));
    if (over_) return;
    events.at(now + redial_after, [this, wan = path.wan] { dial(wan); });
  };
  server.on_closed = [this](const End::Path& path) {
    trace(fmt::format("server: path over link {} closed: {}", path.wan + 1, path.connection->close_reason()));
    path.connection->forget_connection_ids();
    endpoint_->handshake_over();
  };
  for (std::size_t i = 0; i < settings_.wans.size(); ++i) {
    Wan& wan = settings_.wans[i];
    wan.traits.name = fmt::format("wan{}", i + 1);
    outside_.push_back(box_address(i, next_port_));
    up.push_back(std::make_unique<Link>(events, wan.up, settings_.seed * 1000 + 2 * i,
                                        [this, i](Parcel parcel) { arrive_at_server(i, std::move(parcel)); }));
    down.push_back(std::make_unique<Link>(events, wan.down, settings_.seed * 1000 + 2 * i + 1,
                                          [this, i](Parcel parcel) { arrive_at_box(i, std::move(parcel)); }));
    dial(i);
  }
}

World::~World() {
  over_ = true;
  for (const auto& path : server.paths()) path->connection->forget_connection_ids();
}

void World::dial(std::size_t wan) {
  trace(fmt::format("box: dials over link {}", wan + 1));
  const packet::SocketAddress local = box_address(wan, ++next_port_);
  outside_[wan] = local;
  box.add(wan, local, settings_.wans[wan].traits,
          must(quic::Connection::connect(transport_, *client_tls_, local, server_address, now)));
}

void World::arrive_at_server(std::size_t wan, Parcel parcel) {
  packet::UdpBatch replies(packet::UdpBatch::max_run, true);
  auto destination = endpoint_->find({parcel.payload, parcel.to, parcel.from}, replies, now);
  if (destination.accepted) {
    server.add(wan, server_address, settings_.wans[wan].traits, std::move(destination.accepted));
  }
  if (destination.connection == nullptr ||
      !server.receive(static_cast<End::Path&>(destination.connection->owner()), parcel, now)) {
    ++misdirected_;
  }
  for (const auto& run : replies.runs()) {
    const Bytes payload = replies.bytes(run).first(std::min<std::size_t>(run.size, run.segment_size));
    down[wan]->send({{payload.begin(), payload.end()}, server_address, run.envelope.remote}, now);
  }
}

void World::arrive_at_box(std::size_t wan, Parcel parcel) {
  End::Path* path = box.path(wan);
  if (path == nullptr || parcel.to != outside_[wan] || !box.receive(*path, parcel, now)) ++misdirected_;
}

bool World::connect(Duration longest) {
  const auto stands = [this] {
    return std::ranges::all_of(ends(), [this](End* end) {
      for (std::size_t i = 0; i < wans(); ++i) {
        const End::Path* path = end->path(i);
        if (path == nullptr || !path->id) return false;
      }
      return true;
    });
  };
  const Instant last = now + longest;
  while (!stands() && now < last) run(milliseconds(1));
  return stands();
}

void World::run_until(Instant end) {
  for (;;) {
    events.run(now);
    for (End* each : ends()) {
      if (each->dirty() || each->deadline() <= now) turn(*each);
    }
    invariants_.look();
    const Instant next = std::min({events.next(), box.deadline(), server.deadline()});
    if (next > end) break;
    now = std::max(now + least_step, next);
  }
  now = std::max(now, end);
}

void World::turn(End& end) {
  ++turns_;
  const bool on_time = !end.dirty();
  end.turn(now);
  invariants_.after_turn(end, on_time);
}

void World::cut(std::size_t wan, bool up_is_cut, bool down_is_cut) {
  trace(fmt::format("link {}: up {}, down {}", wan + 1, up_is_cut ? "cut" : "whole", down_is_cut ? "cut" : "whole"));
  up[wan]->cut(up_is_cut);
  down[wan]->cut(down_is_cut);
}

void World::pull(std::size_t wan) {
  cut(wan, true, true);
  box.link_down(wan, now);
}

void World::rebind(std::size_t wan) {
  outside_[wan] = box_address(wan, ++next_port_);
  trace(fmt::format("link {}: the box's address becomes {}", wan + 1, outside_[wan].to_string()));
}

void World::complain(const std::string& what) {
  trace("WRONG: " + what);
  if (complaints_.size() < most_complaints) {
    complaints_.push_back(fmt::format("{:.6f} s: {}", std::chrono::duration<double>(now - start).count(), what));
  }
}

void World::trace(std::string_view what) const {
  if (trace_on_) fmt::print("{:12.6f} {}\n", std::chrono::duration<double>(now - start).count(), what);
}

}  // namespace mpquic::sim
