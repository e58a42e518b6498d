#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "daemon/node.h"
#include "io/tun_queue.h"
#include "packet/merge.h"
#include "system/netlink.h"

namespace mpquic::daemon {

/// A tunnel's TUN device as the control thread keeps it: made, addressed, up, and its MTU following the path.
class TunSetup {
 public:
  static Result<TunSetup> create(const config::Tunnel& tunnel, unsigned queues, system::NetlinkSocket& netlink);

  std::vector<io::TunQueue> take_queues();
  const packet::Offloads& offloads() const { return offloads_; }
  unsigned mtu() const { return mtu_; }
  const std::vector<packet::InterfaceAddress>& addresses() const { return addresses_; }
  /// The device has these and no others from now on. New ones are there before old ones go.
  Result<void> set_addresses(std::vector<packet::InterfaceAddress> addresses, system::NetlinkSocket& netlink);
  /// Paths carry inner packets of `mtu` bytes: the device follows unless the configuration fixes its MTU.
  void follow_path(std::size_t mtu, system::NetlinkSocket& netlink);

 private:
  TunSetup() = default;

  std::string name_;
  std::vector<packet::InterfaceAddress> addresses_;
  bool fixed_mtu_ = false;
  unsigned mtu_ = 0;
  packet::Offloads offloads_;
  std::vector<Fd> queues_;
};

/// What follows when somebody deletes a tunnel's device: the node ends, and says why. Callable from any thread.
std::function<void()> end_when_gone(const ControlTools& tools, const std::string& device);

}  // namespace mpquic::daemon
