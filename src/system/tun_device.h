#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace mpquic::system {

/// What the other side of a TUN device, us, can do for the kernel's stack. Each needs those before it.
struct Offloads {
  bool checksum = true;     ///< packets may come with their checksum still to be computed
  bool segment_tcp = true;  ///< TCP may come as super-packets of up to 64 KiB (TSO)
  bool segment_udp = true;  ///< so may UDP (USO): Linux 6.2 and later

  bool operator==(const Offloads&) const = default;
};

/// A TUN device of ours. Every packet read or written has a packet::VirtioHeader before it. The device is gone when its
/// last queue is closed, be it by a crash.
class TunDevice {
 public:
  /// Creates it with that many queues (1 to 256), or takes over a TUN device of that name that no process has open: one
  /// that was created to persist ("ip tuntap add"), which from now on is as much ours as if we had created it. When the
  /// leftover was made for another number of queues, it is replaced, and what was configured on it is gone.
  /// Errors: no privilege (CAP_NET_ADMIN), a process has it already (which one), the name belongs to another kind of
  /// interface or is none.
  static Result<TunDevice> open(std::string_view name, unsigned queues, Offloads wanted);

  const std::string& name() const { return name_; }
  /// What was granted of what was wanted.
  Offloads offloads() const { return offloads_; }
  /// One non-blocking descriptor per queue, for the workers that will read them. There are none left here afterwards.
  std::vector<Fd> take_queues() { return std::move(queues_); }

 private:
  TunDevice(std::string name, std::vector<Fd> queues, Offloads offloads)
      : name_(std::move(name)), queues_(std::move(queues)), offloads_(offloads) {}

  std::string name_;
  std::vector<Fd> queues_;
  Offloads offloads_;
};

}  // namespace mpquic::system
