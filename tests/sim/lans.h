#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "sim/stream.h"
#include "sim/tcp.h"
#include "sim/world.h"

namespace mpquic::sim {

/// What is behind the two ends of a world: the applications that talk through it.
class Lans {
 public:
  explicit Lans(World& world);
  Lans(const Lans&) = delete;
  Lans& operator=(const Lans&) = delete;

  /// `up`: from the box to the server. `window`: segments that its receiver takes at most; 0: its own default.
  Tcp& add_tcp(bool up, double window = 0);
  Stream& add_stream(bool up, double rate, std::size_t size);

 private:
  using Application = std::variant<std::unique_ptr<Tcp>, std::unique_ptr<Stream>>;

  std::uint16_t next_port() const { return static_cast<std::uint16_t>(first_port + applications_.size()); }
  void receive(const End& at, Bytes packet);
  void refuse(Bytes packet, std::size_t mtu);

  static constexpr std::uint16_t first_port = 1000;

  World& world_;
  std::vector<Application> applications_;  ///< by port
};

}  // namespace mpquic::sim
