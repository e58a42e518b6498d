#include "port.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstring>

namespace linkem {
namespace {

using mpquic::Duration;
using mpquic::Instant;
using mpquic::os_failure;

constexpr std::size_t ring_frames = 4096;
// The frame's header, with slack for the kernel's alignment of what follows it.
constexpr std::size_t ring_overhead = sizeof(tpacket2_hdr) + sizeof(sockaddr_ll) + 96;
constexpr std::size_t block_bytes = std::size_t{1} << 18;

template <class T>
bool set_option(int fd, int level, int option, const T& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

mpquic::Result<std::size_t> read_mtu(int fd, const std::string& interface) {
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFMTU, &request) != 0) return os_failure("MTU of {}", interface);
  return static_cast<std::size_t>(request.ifr_mtu);
}

// The status word passes the frame between kernel and us: what it guards must not be read before it.
std::uint32_t load_status(tpacket2_hdr* header) {
  return std::atomic_ref(header->tp_status).load(std::memory_order_acquire);
}

}  // namespace

void Unmap::operator()(std::uint8_t* ring) const { munmap(ring, bytes); }

mpquic::Result<Port> Port::open(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return os_failure("interface {}", interface);

  Port port;
  // Protocol 0 receives nothing until bind, by which time the ring and the interface are settled.
  port.socket_ = mpquic::Fd(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!port.socket_) return os_failure("packet socket (needs CAP_NET_RAW)");
  const int fd = port.fd();
  const auto mtu = read_mtu(fd, interface);
  if (!mtu) return std::unexpected(mtu.error());

  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = static_cast<int>(index);
  promiscuous.mr_type = PACKET_MR_PROMISC;
  if (!set_option(fd, SOL_PACKET, PACKET_VERSION, int{TPACKET_V2}) ||
      !set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) || !set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1) ||
      !set_option(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous) ||
      !set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, 64 << 20)) {
    return os_failure("options of the packet socket on {}", interface);
  }
  if (auto mapped = port.map_ring(std::bit_ceil(*mtu + 64 + ring_overhead)); !mapped) {
    return std::unexpected(mapped.error());
  }

  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return os_failure("bind to {}", interface);
  }
  return port;
}

mpquic::Result<void> Port::map_ring(std::size_t frame_bytes) {
  frame_bytes_ = frame_bytes;
  const std::size_t bytes = frame_bytes * ring_frames;
  tpacket_req request{};
  request.tp_frame_size = static_cast<unsigned>(frame_bytes);
  request.tp_frame_nr = ring_frames;
  request.tp_block_size = static_cast<unsigned>(std::max(block_bytes, frame_bytes));
  request.tp_block_nr = static_cast<unsigned>(bytes / request.tp_block_size);
  if (!set_option(fd(), SOL_PACKET, PACKET_RX_RING, request)) return os_failure("receive ring");
  void* ring = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd(), 0);
  if (ring == MAP_FAILED) return os_failure("map the receive ring");
  ring_ = {static_cast<std::uint8_t*>(ring), Unmap{bytes}};
  return {};
}

std::size_t Port::largest_frame() const { return frame_bytes_ - ring_overhead + tag_bytes; }

std::optional<Port::Received> Port::frame(Instant now) {
  std::uint8_t* start = ring_.get() + current_ * frame_bytes_;
  auto* header = reinterpret_cast<tpacket2_hdr*>(start);
  const std::uint32_t status = load_status(header);
  if ((status & TP_STATUS_USER) == 0) return std::nullopt;

  // A veth's peer may have left its pacing time in the packet, and the wall clock may be set: stay within reason.
  const Duration wall = std::chrono::seconds(header->tp_sec) + Duration(header->tp_nsec);
  const Instant stamped{wall - wall_minus_monotonic_};
  Received received{.bytes = {start + header->tp_mac, header->tp_snaplen},
                    .tag = std::nullopt,
                    .arrival = std::clamp(stamped, now - std::chrono::milliseconds(100), now),
                    .whole = header->tp_len == header->tp_snaplen,
                    .checksum_complete = (status & TP_STATUS_CSUMNOTREADY) == 0};
  if ((status & TP_STATUS_VLAN_VALID) != 0) {
    const bool says_which = (status & TP_STATUS_VLAN_TPID_VALID) != 0;
    received.tag = {says_which ? header->tp_vlan_tpid : std::uint16_t{ETH_P_8021Q}, header->tp_vlan_tci};
  }
  return received;
}

void Port::next_frame() {
  auto* header = reinterpret_cast<tpacket2_hdr*>(ring_.get() + current_ * frame_bytes_);
  std::atomic_ref(header->tp_status).store(TP_STATUS_KERNEL, std::memory_order_release);
  current_ = (current_ + 1) % ring_frames;
}

void Port::synchronise(Instant now) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  wall_minus_monotonic_ = std::chrono::duration_cast<Duration>(wall) - now.time_since_epoch();
}

std::vector<std::size_t> Port::send(const std::vector<mpquic::MutableBytes>& frames) {
  parts_.resize(frames.size());
  messages_.assign(frames.size(), {});
  for (std::size_t i = 0; i < frames.size(); ++i) {
    parts_[i] = {frames[i].data(), frames[i].size()};
    messages_[i].msg_hdr.msg_iov = &parts_[i];
    messages_[i].msg_hdr.msg_iovlen = 1;
  }
  std::vector<std::size_t> refused;
  for (std::size_t sent = 0; sent < frames.size();) {
    const int n = sendmmsg(fd(), messages_.data() + sent, static_cast<unsigned>(frames.size() - sent), 0);
    if (n > 0) {
      sent += static_cast<std::size_t>(n);
    } else {
      refused.push_back(sent++);
    }
  }
  return refused;
}

std::uint64_t Port::take_overruns() {
  tpacket_stats stats{};
  socklen_t bytes = sizeof stats;
  return getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0 ? stats.tp_drops : 0;
}

void Port::clear_error() {
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &bytes);
}

}  // namespace linkem
