// Any datagrams out of the tunnels of four clients, as far as a server goes by what is in them: who may register what,
// where it is routed, what reaches the kernel. Input, for each datagram: whose (1 byte; 4 to 7: that one has gone), its
// size (2 bytes), the datagram.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "packet/ip.h"
#include "packet/merge.h"
#include "packet/sample.h"
#include "peers/registry.h"
#include "peers/route_table.h"

namespace {

using namespace mpquic;
using namespace mpquic::peers;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What has a source but is no whole IP packet has no flow, so no order.
auto flows_of(const std::vector<packet::sample::Packet>& packets) {
  auto flows = packet::sample::by_flow(packets);
  std::ranges::sort(flows[0]);
  return flows;
}

packet::Prefix prefix(const char* text) { return *packet::Prefix::parse(text); }

class Server {
 public:
  void receive(std::size_t client, Bytes datagram) {
    if (registered_[client]) return from_registered(client, datagram);
    const auto address = datagram.size() == 4 ? packet::Address::from_bytes(datagram) : packet::source_of(datagram);
    if (!address || !peer_of(client)->owns(*address)) return;
    registered_[client] = address;
    const Changes changes = registry_.claim(session_of(client), peer_of(client), tunnel, {*address}, now_);
    for (const SessionRef& session : changes.superseded) registered_[session.worker] = std::nullopt;
    follow(changes);
    require(routes_.find(*address) == session_of(client));
    if (datagram.size() != 4) from_registered(client, datagram);
  }
  void gone(std::size_t client) {
    registered_[client] = std::nullopt;
    follow(registry_.gone(session_of(client)));
    for (const auto& [key, route] : registry_.routes()) require(route.session != session_of(client));
  }
  void end_of_turn() {
    merger_.flush(kernel_);
    // What went in comes out, flow by flow.
    require(flows_of(delivered_) == flows_of(kernel_.split()));
  }

 private:
  static constexpr const char* tunnel = "mp1";

  /// Two sessions of one peer, one of another, and somebody without a name.
  const std::shared_ptr<const Peer>& peer_of(std::size_t client) const { return peers_[client / 2 + client / 3]; }
  static SessionRef session_of(std::size_t client) { return {static_cast<std::uint32_t>(client), 1}; }

  void from_registered(std::size_t client, Bytes datagram) {
    const auto source = packet::source_of(datagram);
    if (!source || !peer_of(client)->owns(*source)) return;
    now_ += std::chrono::seconds(1);
    follow(registry_.learn(session_of(client), *source, now_));
    merger_.push(datagram, kernel_);
    delivered_.emplace_back(datagram.begin(), datagram.end());
  }
  void follow(const Changes& changes) {
    for (const auto& change : changes.routes) {
      if (change.session)
        routes_.set(change.prefix, *change.session);
      else
        routes_.remove(change.prefix);
    }
    require(routes_.size() == registry_.routes().size());
    std::array<int, 3> learned{};
    for (const auto& [key, route] : registry_.routes()) {
      const std::size_t client = route.session.worker;
      require(registered_[client].has_value());
      require(peer_of(client)->name == route.peer);
      require(route.kind == RouteKind::owned || peer_of(client)->owns(key.second.address()));
      if (key.second.is_host()) require(routes_.find(key.second.address()) == route.session);
      if (route.kind == RouteKind::learned) require(++learned[client / 2 + client / 3] <= 3);
    }
  }

  std::array<std::shared_ptr<const Peer>, 3> peers_ = {
      std::make_shared<const Peer>(
          Peer{"box1", {prefix("10.0.0.0/28"), prefix("fd00::/64"), prefix("10.0.0.9/32")}, {}, false}),
      std::make_shared<const Peer>(Peer{"box2", {prefix("10.0.0.16/28"), prefix("10.1.0.0/16")}, {}, false}),
      std::make_shared<const Peer>(Peer{"*", {prefix("10.9.0.0/16")}, {}, true})};
  std::array<std::optional<packet::Address>, 4> registered_;
  Registry registry_{{.learned_per_peer = 3}};
  RouteTable routes_;
  packet::Merger merger_{packet::Offloads{.tcp4 = true, .tcp6 = true, .udp = true}};
  packet::sample::Frames kernel_;
  std::vector<packet::sample::Packet> delivered_;
  Instant now_ = Instant() + std::chrono::hours(1);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input(data, size);
  Server server;
  while (input.size() >= 3) {
    const std::size_t client = input[0] % 8;
    const Bytes datagram = input.subspan(3, std::min<std::size_t>(load_be16(&input[1]), input.size() - 3));
    if (client < 4)
      server.receive(client, datagram);
    else
      server.gone(client - 4);
    input = input.subspan(3 + datagram.size());
  }
  server.end_of_turn();
  return 0;
}
