#include "sim/lans.h"

#include <fmt/format.h>

namespace mpquic::sim {

Lans::Lans(World& world) : world_(world) {
  for (End* end : world.ends()) {
    end->on_packet = [this, end](Bytes packet) { receive(*end, packet); };
    end->on_refused = [this](Bytes packet, std::size_t mtu) { refuse(packet, mtu); };
  }
}

Tcp& Lans::add_tcp(bool up, double window) {
  End& from = up ? world_.box : world_.server;
  End& to = up ? world_.server : world_.box;
  auto tcp = window > 0 ? std::make_unique<Tcp>(world_.events, from, to, next_port(), window)
                        : std::make_unique<Tcp>(world_.events, from, to, next_port());
  Tcp& added = *tcp;
  applications_.emplace_back(std::move(tcp));
  return added;
}

Stream& Lans::add_stream(bool up, double rate, std::size_t size) {
  const Stream::Settings settings{.rate = rate, .size = size, .port = next_port()};
  auto stream = up ? std::make_unique<Stream>(world_.events, world_.box, world_.server, settings)
                   : std::make_unique<Stream>(world_.events, world_.server, world_.box, settings);
  Stream& added = *stream;
  applications_.emplace_back(std::move(stream));
  return added;
}

void Lans::receive(const End& at, Bytes packet) {
  for (const Application& application : applications_) {
    if (std::visit([&](const auto& each) { return each->receive(at, packet, world_.now); }, application)) return;
  }
  world_.complain(fmt::format("a packet of {} bytes belongs to nobody", packet.size()));
}

void Lans::refuse(Bytes packet, std::size_t mtu) {
  if (packet.size() < 24 || packet[9] != packet::protocol::tcp) return;
  for (const Application& application : applications_) {
    const auto* tcp = std::get_if<std::unique_ptr<Tcp>>(&application);
    if (tcp != nullptr && (*tcp)->port() == load_be16(&packet[20])) (*tcp)->follow_mtu(mtu);
  }
}

}  // namespace mpquic::sim
