#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "packet/address.h"

namespace mpquic::system {

/// systemd-resolved, told over D-Bus which DNS servers an interface has (org.freedesktop.resolve1(5)). It forgets them
/// with the interface, and remembers them over a restart of its own. Each call speaks to it anew and waits for its
/// answer, a few seconds at most. It lets root do so, and whom polkit allows.
class Resolved {
 public:
  /// Which questions go to the servers of the interface.
  enum class Names : std::uint8_t {
    others_too,  ///< any, as well as to the servers of other interfaces
    all,         ///< all, and to no others (the routing domain "~.")
  };

  /// After an error the interface is as resolved would have it without us.
  Result<void> set(unsigned ifindex, std::span<const packet::Address> servers, Names names = Names::others_too) const;
  /// An interface that is gone, or resolved itself, is no error.
  Result<void> revert(unsigned ifindex) const;
};

}  // namespace mpquic::system
