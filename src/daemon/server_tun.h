#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/drop.h"
#include "daemon/tun_port.h"
#include "packet/address.h"
#include "peers/route_table.h"

namespace mpquic::daemon {

/// Where a server's packets go once it is known which session they are for.
class SessionDirectory {
 public:
  virtual void send(peers::SessionRef session, Burst burst) = 0;

 protected:
  ~SessionDirectory() = default;
};

/// What a tunnel of a server is, for all its workers.
struct ServerTunSettings {
  std::string name;
  std::vector<packet::InterfaceAddress> addresses;
  /// Called on the worker's thread when somebody has deleted the TUN device.
  std::function<void()> on_device_gone;

  /// Whether this address is one that a client of the tunnel would register.
  bool holds(const packet::Address& address) const;
  /// Its own address of this family; nullptr: it has none.
  const packet::Address* address_of(packet::Address::Family family) const;
};

/// A server's tunnel on one worker: a TUN queue, and the routes to the sessions of its clients.
class ServerTun final : private TunReader {
 public:
  ServerTun(Worker& worker, ServerTunSettings settings, io::TunQueue queue, const packet::Offloads& offloads,
            SessionDirectory& sessions);

  const ServerTunSettings& settings() const { return settings_; }
  TunPort& port() { return port_; }
  peers::RouteTable& routes() { return routes_; }
  const peers::RouteTable& routes() const { return routes_; }
  DropCounters& drops() { return drops_; }

 private:
  void on_burst(Burst burst) override;
  void on_device_gone() override { settings_.on_device_gone(); }

  ServerTunSettings settings_;
  SessionDirectory& sessions_;
  DropCounters drops_;
  peers::RouteTable routes_;
  TunPort port_;
};

}  // namespace mpquic::daemon
