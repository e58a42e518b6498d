#include "sim/randomness.h"

#include <gnutls/crypto.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>

namespace {

std::mt19937_64& generator() {
  static std::mt19937_64 one;
  return one;
}

}  // namespace

void mpquic::sim::seed_randomness(std::uint64_t seed) { generator().seed(seed); }

// The program's own comes before that of the shared library, also for the library itself and for ngtcp2.
extern "C" __attribute__((visibility("default"))) int gnutls_rnd(gnutls_rnd_level_t, void* data, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(data);
  for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t drawn = generator()();
    std::memcpy(bytes + at, &drawn, std::min(sizeof drawn, size - at));
  }
  return 0;
}
