#include "quic/path_mtu.h"

#include <algorithm>
#include <array>

namespace mpquic::quic {
namespace {

// RFC 9000, 14: every QUIC path carries UDP payloads of this size. Datagrams at or below it say nothing about the MTU.
constexpr std::size_t base_size = 1200;
constexpr unsigned losses_to_suspect = 6;
constexpr unsigned losses_to_confirm = 6;

// UDP payloads over IPv4: paths of 1428 (LTE, tunnels), 1360 (still room for an inner IPv6 packet of 1280) and the base.
constexpr std::array<std::size_t, 3> steps = {1400, 1332, base_size};

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
    return true;
  }
  return false;
}

void PathMtu::lower(Instant now) {
  const auto step = std::ranges::find_if(steps, [&](std::size_t size) { return size < std::min(failing_, cap_); });
  cap_ = step == steps.end() ? base_size : *step;
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
