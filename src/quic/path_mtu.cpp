#include "quic/path_mtu.h"

#include <algorithm>
#include <array>

namespace mpquic::quic {
namespace {

// RFC 9000, 14: every QUIC path carries UDP payloads of this size. Datagrams at or below it say nothing about the MTU.
constexpr std::size_t base_size = 1200;
constexpr unsigned losses_to_suspect = 4;
constexpr unsigned losses_to_confirm = 2;

// Over IPv4, a path of 1360: narrower ones are rare, and this has still room for an inner IPv6 packet of 1280. Going
// there at once, instead of trying what else might pass, spares senders losses that they feel for seconds.
constexpr std::size_t safe_size = 1332;
// The way back up leads over 1428 (LTE, tunnels).
constexpr std::array<std::size_t, 3> steps = {1400, safe_size, base_size};

}  // namespace

void PathMtu::clear() {
  failing_ = no_cap;
  losses_ = 0;
  suspicious_since_ = 0;
}

void PathMtu::acknowledged(std::size_t size) {
  if (size >= failing_) clear();
}

bool PathMtu::lost(std::size_t size, std::uint64_t number, std::uint64_t last_sent, Instant now) {
  if (size <= base_size) return false;
  failing_ = std::min(failing_, size);
  if (number <= suspicious_since_) return false;
  ++losses_;
  if (suspicious_since_ == 0 && losses_ >= losses_to_suspect) {
    suspicious_since_ = last_sent;
    losses_ = 0;
  } else if (suspicious_since_ != 0 && losses_ >= losses_to_confirm) {
    lower(now);
    // One step may not be enough. Whatever large datagram arrives says that it was.
    suspicious_since_ = last_sent;
    failing_ = base_size + 1;
    return true;
  }
  return false;
}

void PathMtu::lower(Instant now) {
  cap_ = std::min(failing_, cap_) > safe_size ? safe_size : base_size;
  raise_at_ = now + raise_after;
  clear();
}

void PathMtu::on_deadline(Instant now) {
  if (now < raise_at_) return;
  const auto step = std::ranges::find(steps, cap_);
  const bool highest = step == steps.begin();
  cap_ = highest ? no_cap : *(step - 1);
  raise_at_ = highest ? never : now + raise_after;
  clear();
}

}  // namespace mpquic::quic
