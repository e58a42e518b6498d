#pragma once

#include "base/result.h"
#include "system/netlink_events.h"

namespace mpquic::policy {

/// Tells that routes or rules of ours, or any nftables, have changed: perhaps somebody took away what we need.
class Watch {
 public:
  static Result<Watch> open();

  int routing_fd() const { return routing_.fd(); }
  int nftables_fd() const { return nftables_.fd(); }
  /// Takes all events that are there; never waits. Whether one of them is worth a look at the kernel.
  Result<bool> read();

 private:
  Watch(system::NetlinkEvents routing, system::NetlinkEvents nftables)
      : routing_(std::move(routing)), nftables_(std::move(nftables)) {}

  system::NetlinkEvents routing_;
  system::NetlinkEvents nftables_;
};

}  // namespace mpquic::policy
