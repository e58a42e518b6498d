#include "system/tun_device.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>

#include "packet/virtio.h"
#include "system/netlink.h"
#include "system/process_holder.h"
#include "system/rtnetlink.h"

namespace mpquic::system {
namespace {

// Linux 6.2; Debian 12's headers are older. The kernel takes both or neither.
constexpr unsigned tun_f_uso4 = 0x20;
constexpr unsigned tun_f_uso6 = 0x40;

enum class Queues : std::uint8_t { one, many };

// As the kernel's dev_valid_name(); and '%' would have the kernel choose a name.
bool is_interface_name(std::string_view name) {
  const auto wrong = [](char c) { return c == '/' || c == ':' || c == '%' || c <= ' ' || c > '~'; };
  return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." && std::ranges::none_of(name, wrong);
}

std::unexpected<Error> in_use(std::string_view name) {
  const auto holder = holder_of_tun(name);
  return failure("TUN device {} is in use by {}", name, holder ? holder->to_string() : "a process that can't be seen");
}

// nullopt: no interface has this name.
Result<std::optional<TunInfo>> find_tun(NetlinkSocket& socket, std::string_view name) {
  const auto link = socket.get(link_request(name), parse_link, ENODEV);
  if (!link) return std::unexpected(link.error());
  if (!*link) return std::nullopt;
  if (const auto& tun = (*link)->tun; tun && !tun->tap) return tun;
  const std::string kind = (*link)->tun ? "TAP" : (*link)->kind.empty() ? "hardware or loopback" : (*link)->kind;
  return failure("interface {} exists already and is no TUN device but of kind {}", name, kind);
}

Result<Fd> attach_queue(std::string_view name, Queues queues) {
  Fd queue(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!queue && errno == EACCES) return os_failure("open /dev/net/tun (its mode is to be 0666, as udev makes it)");
  if (!queue) return os_failure("open /dev/net/tun");
  ifreq request{};
  std::ranges::copy(name, request.ifr_name);
  const int flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | (queues == Queues::many ? IFF_MULTI_QUEUE : 0);
  request.ifr_flags = static_cast<short>(flags);
  if (ioctl(queue.get(), TUNSETIFF, &request) == 0) return queue;
  if (errno == EBUSY) return in_use(name);
  if (errno == EPERM) return os_failure("create TUN device {} (this needs root or CAP_NET_ADMIN)", name);
  return os_failure("create TUN device {}", name);
}

// The first queue of a device that is ours alone. A device of several queues lets anybody in, even between our looking
// and our coming, so it is looked at once more from inside; a device of one queue has refused with EBUSY.
Result<Fd> attach_first_queue(NetlinkSocket& socket, std::string_view name, Queues queues) {
  auto queue = attach_queue(name, queues);
  if (!queue || queues == Queues::one) return queue;
  const auto tun = find_tun(socket, name);
  if (!tun) return std::unexpected(tun.error());
  if (*tun && (*tun)->queues > 1) {
    *queue = Fd();  // lest we find ourselves
    return in_use(name);
  }
  return queue;
}

Result<Fd> create_or_take_over(NetlinkSocket& socket, std::string_view name, Queues queues) {
  const auto leftover = find_tun(socket, name);
  if (!leftover) return std::unexpected(leftover.error());
  if (!*leftover) return attach_first_queue(socket, name, queues);
  // Known already in many cases, and then better not to come in for a moment and be given some of their packets.
  if ((*leftover)->queues > 0) return in_use(name);
  const Queues made_for = (*leftover)->multi_queue ? Queues::many : Queues::one;
  {
    auto queue = attach_first_queue(socket, name, made_for);
    if (!queue) return queue;
    if (ioctl(queue->get(), TUNSETPERSIST, 0) != 0) return os_failure("take over TUN device {}", name);
    if (made_for == queues) return queue;
    // IFF_MULTI_QUEUE is for life. Closing its only queue now removes the device.
  }
  return attach_first_queue(socket, name, queues);
}

unsigned kernel_flags(const Offloads& offloads) {
  return (offloads.checksum ? unsigned{TUN_F_CSUM} : 0) |
         (offloads.segment_tcp ? unsigned{TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN} : 0) |
         (offloads.segment_udp ? tun_f_uso4 | tun_f_uso6 : 0);
}

// Kernels can't be asked what they offer, only offered less and less.
Result<Offloads> grant_offloads(const Fd& queue, std::string_view name, Offloads wanted) {
  wanted.segment_tcp &= wanted.checksum;
  wanted.segment_udp &= wanted.segment_tcp;
  for (bool* next_to_go : {&wanted.segment_udp, &wanted.segment_tcp, &wanted.checksum}) {
    if (ioctl(queue.get(), TUNSETOFFLOAD, kernel_flags(wanted)) == 0) return wanted;
    *next_to_go = false;
  }
  if (ioctl(queue.get(), TUNSETOFFLOAD, kernel_flags(wanted)) == 0) return wanted;
  return os_failure("set the offloads of TUN device {}", name);
}

}  // namespace

Result<TunDevice> TunDevice::open(std::string_view name, unsigned queues, Offloads wanted) {
  assert(queues >= 1);
  if (!is_interface_name(name)) return failure("\"{}\" can't be the name of an interface", name);
  auto socket = NetlinkSocket::open();
  if (!socket) return std::unexpected(socket.error());
  const Queues kind = queues == 1 ? Queues::one : Queues::many;
  auto first = create_or_take_over(*socket, name, kind);
  if (!first) return std::unexpected(first.error());
  // Header size and offloads belong to the device, not to a queue.
  int header_size = sizeof(packet::VirtioHeader);
  if (ioctl(first->get(), TUNSETVNETHDRSZ, &header_size) != 0) {
    return os_failure("set the header size of TUN device {}", name);
  }
  const auto offloads = grant_offloads(*first, name, wanted);
  if (!offloads) return std::unexpected(offloads.error());
  std::vector<Fd> all;
  all.push_back(*std::move(first));
  while (all.size() < queues) {
    auto next = attach_queue(name, kind);
    if (!next) return std::unexpected(next.error());
    all.push_back(*std::move(next));
  }
  return TunDevice(std::string(name), std::move(all), *offloads);
}

}  // namespace mpquic::system
