// The ceiling: mpquic's own data path without QUIC. Each inner packet is one UDP payload.
//
//   TUN queue -> Splitter -> UdpBatch -> sendmmsg with UDP_SEGMENT
//   recvmmsg with UDP_GRO -> Merger -> TUN queue
//
// usage: relay TUN ADDRESS/LENGTH MTU LOCAL:PORT REMOTE:PORT      until SIGTERM or SIGINT
#include <signal.h>

#include <charconv>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>

#include "base/log.h"
#include "daemon/tun_port.h"
#include "daemon/tun_setup.h"
#include "daemon/udp_port.h"
#include "daemon/worker.h"

namespace mpquic::bench {
namespace {

class Relay final : private daemon::TunReader, private daemon::TurnTask {
 public:
  Relay(daemon::Worker& worker, io::TunQueue tun, const packet::Offloads& offloads, io::UdpSocket socket,
        const packet::SocketAddress& remote)
      : worker_(worker),
        tun_(worker, std::move(tun), offloads, {}, *this, drops_),
        udp_(worker, std::move(socket),
             {[this](auto arrivals) { on_arrivals(arrivals); }, [this] { worker_.at_end_of_turn(*this); }}, drops_),
        envelope_{.remote = remote, .local = {}} {}
  ~Relay() override { worker_.forget(*this); }

 private:
  struct Waiting {
    packet::Buffer memory;
    packet::Splitter packets;
  };

  void on_device_gone() override {}
  void on_burst(daemon::Burst burst) override {
    auto packets = packet::Splitter::begin(burst.header, burst.packet);
    if (!packets) return drops_.count(packets.error());
    waiting_.push_back({std::move(burst.memory), std::move(*packets)});
    worker_.at_end_of_turn(*this);
  }

  void on_arrivals(std::span<packet::UdpArrival> arrivals) {
    for (const packet::UdpArrival& arrival : arrivals) {
      for (std::size_t at = 0; at < arrival.bytes.size(); at += arrival.segment_size) {
        tun_.deliver(arrival.bytes.subspan(at, std::min(arrival.segment_size, arrival.bytes.size() - at)));
      }
    }
  }

  void end_of_turn() override {
    while (!udp_.blocked()) {
      const bool all = fill_batch();
      if (!udp_.send() || all) return;
    }
  }

  // False: the batch is full.
  bool fill_batch() {
    for (; !waiting_.empty(); waiting_.pop_front()) {
      packet::Splitter& packets = waiting_.front().packets;
      while (!packets.empty()) {
        const MutableBytes space = udp_.batch().space(packets.next_size(largest_packet));
        if (space.empty()) return false;
        const packet::Pieces packet = packets.next(largest_packet);
        std::memcpy(space.data(), packet.head.data(), packet.head.size());
        if (!packet.rest.empty()) std::memcpy(&space[packet.head.size()], packet.rest.data(), packet.rest.size());
        udp_.batch().commit(space.size(), envelope_);
      }
    }
    return true;
  }

  // The device's MTU keeps packets small enough for the link; nothing is cut here.
  static constexpr std::size_t largest_packet = 65'535;

  daemon::Worker& worker_;
  DropCounters drops_;
  daemon::TunPort tun_;
  daemon::UdpPort udp_;
  packet::Envelope envelope_;
  std::deque<Waiting> waiting_;
};

struct Arguments {
  config::Tunnel tunnel;
  packet::SocketAddress local, remote;
};

Result<Arguments> parse(int count, char** words) {
  if (count != 6) return failure("usage: relay TUN ADDRESS/LENGTH MTU LOCAL:PORT REMOTE:PORT");
  Arguments arguments;
  const auto address = packet::InterfaceAddress::parse(words[2]);
  const auto local = packet::SocketAddress::parse(words[4]);
  const auto remote = packet::SocketAddress::parse(words[5]);
  if (!address || !local || !remote) return failure("an address can't be read");
  const std::string_view mtu = words[3];
  unsigned bytes = 0;
  if (std::from_chars(mtu.begin(), mtu.end(), bytes).ptr != mtu.end()) return failure("{} is no MTU", mtu);
  arguments.tunnel.name = words[1];
  arguments.tunnel.addresses.push_back({*address, {}});
  arguments.tunnel.mtu = bytes;
  arguments.local = *local;
  arguments.remote = *remote;
  return arguments;
}

Result<void> relay(const Arguments& arguments) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  sigprocmask(SIG_BLOCK, &ending, nullptr);

  auto netlink = system::NetlinkSocket::open();
  if (!netlink) return std::unexpected(netlink.error());
  auto tun = daemon::TunSetup::create(arguments.tunnel, 1, *netlink);
  if (!tun) return std::unexpected(tun.error());
  auto socket = io::UdpSocket::open({.bind = arguments.local, .device = {}});
  if (!socket) return std::unexpected(socket.error());
  auto worker = daemon::Worker::create(0);
  if (!worker) return std::unexpected(worker.error());
  auto running = std::make_shared<Relay>(**worker, std::move(tun->take_queues().front()), tun->offloads(),
                                         std::move(*socket), arguments.remote);
  (*worker)->start();
  log::info("{}: relaying to {}", arguments.tunnel.name, arguments.remote.to_string());

  int signal = 0;
  sigwait(&ending, &signal);
  // Taken apart where it lived.
  (*worker)->post([owned = std::move(running)]() mutable { owned.reset(); });
  (*worker)->stop();
  return {};
}

int run(int count, char** words) {
  const auto arguments = parse(count, words);
  const auto done = arguments ? relay(*arguments) : std::unexpected(arguments.error());
  if (done) return 0;
  fmt::print(stderr, "relay: {}\n", done.error().message);
  return 1;
}

}  // namespace
}  // namespace mpquic::bench

int main(int count, char** words) { return mpquic::bench::run(count, words); }
