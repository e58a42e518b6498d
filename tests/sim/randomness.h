#pragma once

#include <cstdint>

namespace mpquic::sim {

/// From now on gnutls_rnd() gives what follows from the seed, to everybody in this process: connection ids, what BBR
/// draws, keys. Programs with the simulator in them are for tests only.
void seed_randomness(std::uint64_t seed);

}  // namespace mpquic::sim
