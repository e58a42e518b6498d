#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/stream.h"
#include "sim/world.h"

namespace mpquic::sim {

/// Inner traffic of one flow.
struct Traffic {
  enum class Kind : std::uint8_t { tcp, stream };
  Kind kind = Kind::tcp;
  bool up = true;          ///< from the box to the server
  Duration begins{};       ///< after the paths stand
  double window = 0;       ///< TCP: segments that its receiver takes at most; 0: its own default
  double rate = 200;       ///< stream: packets a second
  std::size_t size = 200;  ///< stream: bytes of a packet
};

/// What befalls a link.
struct Happening {
  enum class Kind : std::uint8_t {
    black_hole,     ///< both ways
    black_hole_up,  ///< one way
    black_hole_down,
    pulled,  ///< the cable: the box knows at once
    healed,
    rate,     ///< becomes `value` times what it was at first, both ways
    loss,     ///< becomes `value`, both ways
    rebound,  ///< World::rebind()
  };
  Kind kind = Kind::black_hole;
  Duration at{};  ///< after the paths stand
  std::size_t wan = 0;
  double value = 0;
};

/// A run: links, traffic, and what happens meanwhile.
struct Scenario {
  WorldSettings world;
  std::vector<Traffic> traffic;
  std::vector<Happening> happenings;
  Duration length = std::chrono::seconds(10);  ///< of the traffic, after the paths stand
};

/// All of it follows from the seed.
Scenario random_scenario(std::uint64_t seed);
/// In some lines.
std::string describe(const Scenario& scenario);

struct Outcome {
  std::vector<std::string> complaints;
  std::uint64_t digest = 0;
  Duration time{};            ///< that passed in the simulation
  std::uint64_t packets = 0;  ///< inner ones that came out
  std::uint64_t events = 0;
};

/// Runs it to its end, and then until everything has come to rest.
Outcome play(const Scenario& scenario, bool trace = false);

}  // namespace mpquic::sim
