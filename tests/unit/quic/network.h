#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quic/ends.h"

namespace mpquic::quic {

///   clients[0] --up--> server      one clock for all; it only moves in run()
///   clients[n] <-down--
class Network {
 public:
  explicit Network(std::uint32_t seed = 1) : up(seed), down(seed + 1) {}

  static packet::SocketAddress address(std::string_view text) { return packet::SocketAddress::parse(text).value(); }

  void start_server(const Server::Settings& settings) { server.emplace(server_address, settings); }
  Client& add_client(const TransportSettings& settings, const TlsContext& tls) {
    const auto port = static_cast<std::uint16_t>(40'000 + clients.size());
    const packet::SocketAddress local{packet::Address::parse("192.0.2.1").value(), port};
    clients.push_back(std::make_unique<Client>(settings, tls, local, server_address, now));
    return *clients.back();
  }

  /// Lets `span` pass, or less: until `done`. Returns whether it is done.
  bool run(Duration span, const std::function<bool()>& done = [] { return false; }) {
    const Instant end = now + span;
    for (;;) {
      deliver();
      write();
      if (done()) return true;
      const Instant next = std::min({up.next(), down.next(), next_deadline()});
      if (next > end) break;
      // A real clock moves on between two turns, too.
      now = std::max(now + std::chrono::microseconds(1), next);
      on_deadlines();
    }
    now = std::max(now, end);
    return done();
  }

  const packet::SocketAddress server_address = address("198.51.100.1:45010");
  Instant now = Instant() + std::chrono::hours(1);
  Wire up, down;
  std::vector<std::unique_ptr<Client>> clients;
  std::optional<Server> server;

 private:
  void deliver() {
    while (auto parcel = up.arrive(now)) {
      if (server) server->receive(*parcel, down, now);
    }
    while (auto parcel = down.arrive(now)) {
      for (const auto& client : clients) {
        if (client->outside == parcel->to) client->receive(*parcel, now);
      }
    }
  }
  void write() {
    for (const auto& client : clients) client->write(up, now);
    if (server) server->write(down, now);
  }
  Instant next_deadline() const {
    Instant first = server ? server->deadline() : never;
    for (const auto& client : clients) first = std::min(first, client->deadline());
    return first;
  }
  void on_deadlines() {
    for (const auto& client : clients) {
      if (client->deadline() <= now) client->on_deadline(now);
    }
    if (server) server->on_deadline(now);
  }
};

}  // namespace mpquic::quic
