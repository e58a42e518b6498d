#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "system/message.h"

namespace mpquic::system {

/// What the kernel tells of its own accord: a subscription to groups of events.
class NetlinkEvents {
 public:
  enum class Drained : std::uint8_t {
    all,      ///< every event since the last time was visited
    overrun,  ///< some were lost: everything must be asked for again, now that older events can't come after it
  };

  /// `bus` is NETLINK_ROUTE (RTNLGRP_*) or NETLINK_NETFILTER (NFNLGRP_*).
  static Result<NetlinkEvents> open(std::initializer_list<int> groups, int bus);

  /// Readable when there are events.
  int fd() const { return mnl_socket_get_fd(socket_.get()); }
  /// Takes all events that are there; never waits.
  Result<Drained> read(const std::function<void(const Message&)>& visit);

 private:
  std::unique_ptr<mnl_socket, Deleter<mnl_socket_close>> socket_;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace mpquic::system
