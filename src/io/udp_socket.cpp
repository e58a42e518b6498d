#include "io/udp_socket.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/sockaddr.h"

namespace mpquic::io {
namespace {

constexpr std::size_t message_size = 65'536;
constexpr std::size_t most_messages = 32;  // of one sendmmsg

bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

template <class T>
void set(int fd, int level, int option, const T& value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

void set_buffers(int fd, const UdpOptions& options) {
  // FORCE goes beyond net.core.rmem_max, with CAP_NET_ADMIN; without it the kernel's limit holds.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options.receive_buffer, sizeof(int)) != 0) {
    set(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &options.send_buffer, sizeof(int)) != 0) {
    set(fd, SOL_SOCKET, SO_SNDBUF, options.send_buffer);
  }
}

void set_packet_options(int fd, bool ipv6) {
  constexpr int on = 1;
  constexpr int probe = IP_PMTUDISC_PROBE;
  // On an IPv6 socket the IPv4 options are for mapped addresses.
  set(fd, IPPROTO_IP, IP_MTU_DISCOVER, probe);
  set(fd, IPPROTO_IP, IP_PKTINFO, on);
  set(fd, IPPROTO_IP, IP_RECVTOS, on);
  if (ipv6) {
    constexpr int off = 0;
    set(fd, IPPROTO_IPV6, IPV6_V6ONLY, off);
    set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, probe);
    set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, on);
    set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, on);
  }
}

/// Control messages of one sendmsg, built in place.
class Control {
 public:
  template <class T>
  void add(int level, int type, const T& value) {
    auto* header = reinterpret_cast<cmsghdr*>(buffer_.data() + used_);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(header), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
  }
  void attach(msghdr& message) {
    message.msg_control = used_ == 0 ? nullptr : buffer_.data();
    message.msg_controllen = used_;
  }

 private:
  alignas(cmsghdr) std::array<std::uint8_t, 128> buffer_{};
  std::size_t used_ = 0;
};

}  // namespace

struct ReceiveBuffers::Slots {
  std::unique_ptr<std::uint8_t[]> memory = std::make_unique_for_overwrite<std::uint8_t[]>(messages * message_size);
  std::array<sockaddr_storage, messages> names{};
  std::array<iovec, messages> pieces{};
  std::array<std::array<std::uint8_t, 192>, messages> control{};
  std::array<mmsghdr, messages> headers{};
  std::array<packet::UdpArrival, messages> arrivals{};
};

ReceiveBuffers::ReceiveBuffers() : slots_(std::make_unique<Slots>()) {}
ReceiveBuffers::~ReceiveBuffers() = default;

Result<UdpSocket> UdpSocket::open(const UdpOptions& options) {
  UdpSocket socket;
  socket.ipv6_ = !options.bind.address.is_ipv4();
  socket.any_local_ = options.bind.address.is_unspecified();
  socket.fd_ = Fd(::socket(socket.ipv6_ ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  const int fd = socket.fd_.get();
  if (fd < 0) return os_failure("UDP socket");
  constexpr int on = 1;
  if (options.share_port) set(fd, SOL_SOCKET, SO_REUSEPORT, on);
  if (!options.device.empty() && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, options.device.data(),
                                            static_cast<socklen_t>(options.device.size())) != 0) {
    return os_failure("bind a socket to interface {}", options.device);
  }
  set_buffers(fd, options);
  set_packet_options(fd, socket.ipv6_);

  sockaddr_storage name{};
  socklen_t size = to_sockaddr(options.bind, socket.ipv6_, name);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), size) != 0) {
    return os_failure("bind UDP {}", options.bind.to_string());
  }
  size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return os_failure("getsockname");
  socket.local_ = from_sockaddr(name);

  set(fd, SOL_UDP, UDP_GRO, on);
  int segment = 0;
  size = sizeof segment;
  socket.segmentation_ = getsockopt(fd, SOL_UDP, UDP_SEGMENT, &segment, &size) == 0;
  return socket;
}

std::span<packet::UdpArrival> UdpSocket::receive(ReceiveBuffers& buffers, std::size_t most) {
  ReceiveBuffers::Slots& slots = *buffers.slots_;
  most = std::min(most, ReceiveBuffers::messages);
  for (std::size_t i = 0; i < most; ++i) {
    slots.pieces[i] = {slots.memory.get() + i * message_size, message_size};
    msghdr& header = slots.headers[i].msg_hdr;
    header = {};
    header.msg_name = &slots.names[i];
    header.msg_namelen = sizeof(sockaddr_storage);
    header.msg_iov = &slots.pieces[i];
    header.msg_iovlen = 1;
    header.msg_control = slots.control[i].data();
    header.msg_controllen = slots.control[i].size();
  }
  const int count = recvmmsg(fd_.get(), slots.headers.data(), static_cast<unsigned>(most), 0, nullptr);
  for (int n = 0; n < count; ++n) {
    const auto i = static_cast<std::size_t>(n);
    msghdr& header = slots.headers[i].msg_hdr;
    const std::size_t size = slots.headers[i].msg_len;
    packet::UdpArrival& arrival = slots.arrivals[i];
    arrival = {{slots.memory.get() + i * message_size, size},
               std::max<std::size_t>(size, 1),
               from_sockaddr(slots.names[i]),
               local_,
               packet::Ecn::not_ect};
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      const std::uint8_t* data = CMSG_DATA(part);
      if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO) {
        int segment = 0;
        std::memcpy(&segment, data, sizeof segment);
        if (segment > 0) arrival.segment_size = static_cast<std::size_t>(segment);
      } else if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_TOS) {
        arrival.ecn = static_cast<packet::Ecn>(data[0] & 3);
      } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_TCLASS) {
        int traffic_class = 0;
        std::memcpy(&traffic_class, data, sizeof traffic_class);
        arrival.ecn = static_cast<packet::Ecn>(traffic_class & 3);
      } else if (any_local_ && part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
        in_pktinfo info{};
        std::memcpy(&info, data, sizeof info);
        arrival.local.address = packet::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&info.ipi_addr), 4});
      } else if (any_local_ && part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
        in6_pktinfo info{};
        std::memcpy(&info, data, sizeof info);
        arrival.local.address = from_in6(info.ipi6_addr);
      }
    }
  }
  return {slots.arrivals.data(), static_cast<std::size_t>(std::max(count, 0))};
}

struct UdpSocket::Message {
  sockaddr_storage name;
  iovec piece;
  Control control;
};

void UdpSocket::fill(msghdr& header, Message& message, Bytes bytes, const packet::Envelope& envelope) const {
  message.piece = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  header = {};
  header.msg_name = &message.name;
  header.msg_namelen = to_sockaddr(envelope.remote, ipv6_, message.name);
  header.msg_iov = &message.piece;
  header.msg_iovlen = 1;
  Control& control = message.control;
  if (envelope.ecn != packet::Ecn::not_ect) {
    const int bits = static_cast<int>(envelope.ecn);
    if (envelope.remote.address.is_ipv4())
      control.add(IPPROTO_IP, IP_TOS, bits);
    else
      control.add(IPPROTO_IPV6, IPV6_TCLASS, bits);
  }
  if (any_local_ && !envelope.local.is_unspecified()) {
    if (ipv6_) {
      control.add(IPPROTO_IPV6, IPV6_PKTINFO, in6_pktinfo{to_in6(envelope.local), 0});
    } else {
      in_pktinfo info{};
      std::memcpy(&info.ipi_spec_dst, envelope.local.bytes().data(), 4);
      control.add(IPPROTO_IP, IP_PKTINFO, info);
    }
  }
  control.attach(header);
}

std::size_t UdpSocket::send(const packet::UdpBatch& batch, std::size_t first, DropCounters& drops) {
  const auto runs = batch.runs();
  while (first < runs.size()) {
    if (!segmentation_) {
      if (!send_singly(batch.bytes(runs[first]), runs[first], drops)) return first;
      ++first;
      continue;
    }
    const std::size_t count = std::min(most_messages, runs.size() - first);
    std::array<mmsghdr, most_messages> headers;
    std::array<Message, most_messages> messages;
    for (std::size_t i = 0; i < count; ++i) {
      const packet::UdpBatch::Run& run = runs[first + i];
      if (run.size > run.segment_size) messages[i].control.add(SOL_UDP, UDP_SEGMENT, run.segment_size);
      fill(headers[i].msg_hdr, messages[i], batch.bytes(run), run.envelope);
    }
    const int sent = sendmmsg(fd_.get(), headers.data(), static_cast<unsigned>(count), 0);
    if (sent > 0) {
      first += static_cast<std::size_t>(sent);
    } else if (is_full(errno)) {
      return first;
    } else if (errno != EINTR) {
      // Before Linux 6.11, a device that computes no checksums (PPPoE, LTE) takes no UDP_SEGMENT.
      if (errno == EIO && runs[first].size > runs[first].segment_size) segmentation_ = false;
      if (!send_singly(batch.bytes(runs[first]), runs[first], drops)) return first;
      ++first;
    }
  }
  return first;
}

bool UdpSocket::send_singly(Bytes bytes, const packet::UdpBatch::Run& run, DropCounters& drops) {
  while (singly_sent_ < bytes.size()) {
    std::array<mmsghdr, most_messages> headers;
    std::array<Message, most_messages> messages;
    unsigned count = 0;
    for (std::size_t at = singly_sent_; at < bytes.size() && count < most_messages; at += run.segment_size) {
      const Bytes segment = bytes.subspan(at, std::min<std::size_t>(run.segment_size, bytes.size() - at));
      fill(headers[count].msg_hdr, messages[count], segment, run.envelope);
      ++count;
    }
    const int sent = sendmmsg(fd_.get(), headers.data(), count, 0);
    if (sent > 0) {
      singly_sent_ += static_cast<std::size_t>(sent) * run.segment_size;
    } else if (is_full(errno)) {
      return false;
    } else if (errno != EINTR) {
      // What can't leave is a loss, which QUIC deals with: no route for the moment, or larger than the link (EMSGSIZE).
      drops.count(Drop::udp_send);
      singly_sent_ += run.segment_size;
    }
  }
  singly_sent_ = 0;
  return true;
}

}  // namespace mpquic::io
