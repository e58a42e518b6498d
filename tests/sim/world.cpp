#include "sim/world.h"

#include <algorithm>

namespace mpquic::sim {
namespace {

const quic::Certificates& certificates() {
  static const quic::Certificates made;
  return made;
}

const packet::SocketAddress server_address = packet::SocketAddress::parse("198.51.100.1:45010").value();

packet::SocketAddress box_address(std::size_t number) {
  const std::string text = "192.0.2." + std::to_string(number + 1) + ":40000";
  return packet::SocketAddress::parse(text).value();
}

}  // namespace

World::World(std::uint64_t seed, tunnel::Policy policy, std::vector<Wan> wans)
    : box(policy, now),
      server(policy, now),
      client_tls_(quic::must(quic::TlsContext::load(certificates().client()))),
      endpoint_(transport_, {quic::must(quic::TlsContext::load(certificates().server())), {{1}, {2}}}, {}, {}, drops_) {
  for (std::size_t i = 0; i < wans.size(); ++i) {
    up.push_back(std::make_unique<Link>(events, wans[i].up, seed * 1000 + 2 * i, [this, i](Parcel parcel) {
      if (i < server.paths().size()) return server.receive(*server.paths()[i], parcel, now);
      // Connections are accepted in the order in which they are made.
      packet::UdpBatch replies(packet::UdpBatch::max_run, true);
      auto destination = endpoint_.find({parcel.payload, parcel.to, parcel.from}, replies, now);
      if (!destination.accepted) return;
      End::Path& path = server.add(server_address, *down[i], box.paths()[i]->traits);
      path.connection = std::move(destination.accepted);
      path.connection->set_owner(path);
      server.receive(path, parcel, now);
    }));
    down.push_back(std::make_unique<Link>(events, wans[i].down, seed * 1000 + 2 * i + 1,
                                          [this, i](Parcel parcel) { box.receive(*box.paths()[i], parcel, now); }));
  }
  for (std::size_t i = 0; i < wans.size(); ++i) {
    wans[i].traits.name = "wan" + std::to_string(i + 1);
    End::Path& path = box.add(box_address(i), *up[i], wans[i].traits);
    path.connection =
        quic::must(quic::Connection::connect(transport_, *client_tls_, box_address(i), server_address, now));
    path.connection->set_owner(path);
    // One after the other, so that the server has them in the same order.
    while (!path.id) run(std::chrono::milliseconds(1));
  }
}

void World::run_until(Instant end) {
  for (;;) {
    events.run(now);
    for (End* each : {&box, &server}) {
      if (each->dirty() || each->deadline() <= now) each->turn(now);
    }
    const Instant next = std::min({events.next(), box.deadline(), server.deadline()});
    if (next > end) break;
    // A real clock moves on between two turns, too.
    now = std::max(now + std::chrono::microseconds(1), next);
  }
  now = std::max(now, end);
}

}  // namespace mpquic::sim
