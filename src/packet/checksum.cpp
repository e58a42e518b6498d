#include "packet/checksum.h"

#include <bit>
#include <cstring>

// One binary for every x86-64: the dynamic linker picks the version that this CPU runs best. The sanitizers can't do
// with that, because it happens before they are initialised; other C libraries than glibc have no such mechanism.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MPQUIC_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MPQUIC_SANITIZED
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(MPQUIC_SANITIZED)
#define MPQUIC_BEST_CPU_VERSION __attribute__((target_clones("avx2", "default")))
#else
#define MPQUIC_BEST_CPU_VERSION
#endif

namespace mpquic::packet {
namespace {

using Lanes = std::uint64_t __attribute__((vector_size(32)));

template <class Word>
Word load_native(const std::uint8_t* p) {
  Word word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}

/// Ones' complement addition does not care about the order of bytes as long as all words have the same, so words are
/// added as the CPU loads them and the result is turned at the end (RFC 1071, 2.B).
std::uint16_t fold_native(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  const auto folded = static_cast<std::uint16_t>(sum + (sum >> 16));
  if constexpr (std::endian::native == std::endian::big) return folded;
  return static_cast<std::uint16_t>(folded << 8 | folded >> 8);
}

/// Fewer than 64 bytes, or what the wide loop left over.
std::uint64_t sum_native(const std::uint8_t* p, std::size_t size) {
  std::uint64_t total = 0;
  for (; size >= 8; p += 8, size -= 8) {
    const auto word = load_native<std::uint64_t>(p);
    total += (word & 0xffffffff) + (word >> 32);
  }
  if (size & 4) total += load_native<std::uint32_t>(p), p += 4;
  if (size & 2) total += load_native<std::uint16_t>(p), p += 2;
  if (size & 1) {
    const std::uint8_t last[2] = {*p, 0};
    total += load_native<std::uint16_t>(last);
  }
  return total;
}

/// The sum of the 32-bit words in `blocks` blocks of 64 bytes. `all` overflows, but minus the high halves, which do
/// not, it is the sum of the low halves, which would not have: one instruction less than masking them out.
MPQUIC_BEST_CPU_VERSION
std::uint64_t sum_blocks(const std::uint8_t* p, std::size_t blocks) {
  Lanes all_a{}, high_a{}, all_b{}, high_b{};
  for (; blocks > 0; --blocks, p += 64) {
    Lanes a, b;
    std::memcpy(&a, p, sizeof(a));
    std::memcpy(&b, p + 32, sizeof(b));
    all_a += a;
    high_a += a >> 32;
    all_b += b;
    high_b += b >> 32;
  }
  const Lanes high = high_a + high_b;
  const Lanes total = (all_a + all_b) - (high << 32) + high;
  return total[0] + total[1] + total[2] + total[3];
}

}  // namespace

std::uint16_t sum(Bytes bytes) {
  const std::size_t blocks = bytes.size() / 64;
  std::uint64_t total = sum_native(bytes.data() + blocks * 64, bytes.size() % 64);
  if (blocks > 0) total += sum_blocks(bytes.data(), blocks);
  return fold_native(total);
}

Sum pseudo_header_sum(const std::uint8_t* ip, std::uint8_t protocol, std::size_t transport_size) {
  const Bytes addresses = ip[0] >> 4 == 4 ? Bytes(ip + 12, 8) : Bytes(ip + 8, 32);
  const auto size = static_cast<std::uint32_t>(transport_size);
  return Sum{fold_native(sum_native(addresses.data(), addresses.size()))} + protocol + (size >> 16) + (size & 0xffff);
}

void store_ipv4_checksum(MutableBytes header) {
  store_be16(&header[10], 0);
  store_be16(&header[10], checksum_of(fold_native(sum_native(header.data(), header.size()))));
}

bool ipv4_checksum_holds(Bytes header) { return fold_native(sum_native(header.data(), header.size())) == 0xffff; }

}  // namespace mpquic::packet
