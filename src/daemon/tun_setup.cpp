#include "daemon/tun_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "system/interface.h"
#include "system/tun_device.h"

namespace mpquic::daemon {
namespace {

// The least an IPv6 link has (RFC 8200, 5); Linux takes IPv6 off a device with less. What does not fit a path that is
// smaller still gets ICMP from the session.
constexpr unsigned smallest_mtu = 1280;
// Packets that the kernel may have waiting for us, each perhaps a super-packet: short, the queue that matters is ours.
constexpr unsigned device_queue = 256;

}  // namespace

Result<TunSetup> TunSetup::create(const config::Tunnel& tunnel, unsigned queues, system::NetlinkSocket& netlink) {
  auto device = system::TunDevice::open(tunnel.name, queues, {});
  if (!device) return std::unexpected(device.error());
  TunSetup setup;
  setup.name_ = tunnel.name;
  for (const auto& address : tunnel.addresses) setup.addresses_.push_back(address.value);
  setup.fixed_mtu_ = tunnel.mtu.has_value();
  setup.mtu_ = tunnel.mtu.value_or(smallest_mtu);
  const system::Offloads granted = device->offloads();
  setup.offloads_ = {granted.segment_tcp, granted.segment_tcp, granted.segment_udp};
  setup.queues_ = device->take_queues();
  if (auto configured = system::configure_interface(netlink, setup.name_, {setup.addresses_, setup.mtu_, device_queue});
      !configured) {
    return std::unexpected(configured.error());
  }
  return setup;
}

std::vector<io::TunQueue> TunSetup::take_queues() {
  std::vector<io::TunQueue> queues;
  for (Fd& fd : queues_) queues.emplace_back(std::move(fd));
  queues_.clear();
  return queues;
}

void TunSetup::follow_path(std::size_t mtu, system::NetlinkSocket& netlink) {
  const unsigned wanted = std::max(smallest_mtu, static_cast<unsigned>(mtu));
  if (fixed_mtu_ || wanted == mtu_) return;
  if (auto configured = system::configure_interface(netlink, name_, {addresses_, wanted, device_queue}); !configured) {
    return log::warning("{}: {}", name_, configured.error().message);
  }
  log::info("{}: MTU {}", name_, wanted);
  mtu_ = wanted;
}

Result<void> TunSetup::set_addresses(std::vector<packet::InterfaceAddress> addresses, system::NetlinkSocket& netlink) {
  if (addresses == addresses_) return {};
  auto configured = system::configure_interface(netlink, name_, {addresses, mtu_, device_queue});
  if (configured) addresses_ = std::move(addresses);
  return configured;
}

std::function<void()> end_when_gone(const ControlTools& tools, const std::string& device) {
  return [fail = tools.fail, device] { fail(fmt::format("{}: the TUN device has been deleted", device)); };
}

}  // namespace mpquic::daemon
