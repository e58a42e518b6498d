#include "daemon/tun_port.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "packet/icmp.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

// Reads a turn: enough for a batch, few enough that what comes back the other way (acknowledgements) isn't kept
// waiting.
constexpr int reads_per_turn = 32;
// A host that sends large packets blindly is told so often enough, not as often as it sends.
constexpr double icmp_per_second = 200;

}  // namespace

TunPort::TunPort(Worker& worker, io::TunQueue queue, const packet::Offloads& offloads, std::vector<packet::Address> own,
                 TunReader& reader, DropCounters& drops)
    : worker_(worker),
      queue_(std::move(queue)),
      merger_(offloads),
      own_(std::move(own)),
      reader_(reader),
      drops_(drops),
      icmp_(icmp_per_second, icmp_per_second) {
  if (auto watched = worker_.loop().watch(queue_.fd(), io::EventLoop::Interest::read, [this] { on_ready(); });
      !watched) {
    log::error("{}", watched.error().message);
  }
}

TunPort::~TunPort() {
  worker_.loop().forget(queue_.fd());
  worker_.forget(*this);
}

void TunPort::on_ready() {
  for (int i = 0; i < reads_per_turn && read_one(); ++i) {
  }
  if (!queue_.gone()) return;
  worker_.loop().forget(queue_.fd());
  reader_.on_device_gone();
}

bool TunPort::read_one() {
  PacketMemory& memory = worker_.memory();
  if (!landing_) landing_ = memory.large.take();
  Burst burst;
  if (!landing_) {
    // All memory waits in queues. Taking the packet and dropping it keeps the device from standing still.
    std::array<std::uint8_t, PacketMemory::small_size> nowhere;
    if (queue_.read(burst.header, nowhere).empty()) return false;
    drops_.count(Drop::buffers_exhausted);
    return true;
  }
  burst.packet = queue_.read(burst.header, landing_.bytes());
  if (burst.packet.empty()) return false;
  if (burst.packet.size() <= PacketMemory::medium_size) burst.memory = memory.take(burst.packet.size());
  if (burst.memory) {
    std::memcpy(burst.memory.bytes().data(), burst.packet.data(), burst.packet.size());
    burst.packet = burst.memory.bytes().first(burst.packet.size());
  } else {
    // It stays where it landed, if there is another place to land.
    packet::Buffer next = memory.large.take();
    if (!next) {
      drops_.count(Drop::buffers_exhausted);
      return true;
    }
    burst.memory = std::exchange(landing_, std::move(next));
  }
  reader_.on_burst(std::move(burst));
  return true;
}

void TunPort::deliver(Bytes packet) {
  merger_.push(packet, *this);
  worker_.at_end_of_turn(*this);
}

// What the kernel answers at once (an echo, TCP acknowledgements) is read in the same turn, so that it shares packets
// with QUIC's own acknowledgements instead of coming a wake-up later.
void TunPort::end_of_turn() {
  merger_.flush(*this);
  on_ready();
}

void TunPort::write(const packet::VirtioHeader& header, Bytes packet) { queue_.write(header, packet, drops_); }

void TunPort::on_too_big(const packet::Pieces& packet, std::size_t mtu) {
  const auto destination = packet::destination_of(packet.head);
  if (!destination || !icmp_.take(worker_.now())) return;
  // Linux takes no IPv4 packet off a device that claims to come from one of its own addresses. So the answer comes from
  // where the packet was to go, as it does over IPv6 when the device has no address.
  const auto own =
      destination->is_ipv4() ? own_.end() : std::ranges::find(own_, destination->family(), &packet::Address::family);
  std::array<std::uint8_t, packet::icmp_error_size_max> answer;
  const std::size_t size = packet::write_packet_too_big(answer, packet, own == own_.end() ? *destination : *own, mtu);
  if (size != 0) queue_.write({}, Bytes(answer).first(size), drops_);
}

}  // namespace mpquic::daemon
