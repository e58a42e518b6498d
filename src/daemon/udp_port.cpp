#include "daemon/udp_port.h"

#include "base/log.h"

namespace mpquic::daemon {
namespace {

// Room for a few full runs; more would only grow cold in the cache before it is sent.
constexpr std::size_t batch_bytes = 4 * packet::UdpBatch::max_run;
// recvmmsg calls a turn: enough to drain a burst, few enough to let the other direction have its turn.
constexpr int rounds = 4;

}  // namespace

UdpPort::UdpPort(Worker& worker, io::UdpSocket socket, Handlers handlers, DropCounters& drops)
    : worker_(worker),
      socket_(std::move(socket)),
      handlers_(std::move(handlers)),
      drops_(drops),
      batch_(batch_bytes, socket_.segmentation()),
      resume_([this] {
        paused_ = false;
        watch_interests();
      }) {
  // Fails only when the system is out of memory or of epoll watches; the port then stays silent and its users time out.
  if (auto watched = worker_.loop().watch(socket_.fd(), io::EventLoop::Interest::read, [this] { on_ready(); });
      !watched) {
    log::error("{}", watched.error().message);
  }
}

UdpPort::~UdpPort() { worker_.loop().forget(socket_.fd()); }

void UdpPort::on_ready() {
  if (blocked_ && send()) handlers_.on_writable();
  for (int round = 0; round < rounds && !paused_; ++round) {
    const auto arrivals = socket_.receive(worker_.receive_buffers());
    if (!arrivals.empty()) handlers_.on_arrivals(arrivals);
    if (arrivals.size() < io::ReceiveBuffers::messages) break;
  }
}

void UdpPort::pause(Duration duration) {
  paused_ = true;
  worker_.timers().set(resume_, worker_.now() + duration);
  watch_interests();
}

void UdpPort::watch_interests() {
  using enum io::EventLoop::Interest;
  worker_.loop().change(socket_.fd(), paused_ ? (blocked_ ? write : none) : (blocked_ ? read_write : read));
}

bool UdpPort::send() {
  sent_runs_ = socket_.send(batch_, sent_runs_, drops_);
  blocked_ = sent_runs_ < batch_.runs().size();
  watch_interests();
  if (blocked_) return false;
  batch_.clear();
  sent_runs_ = 0;
  return true;
}

}  // namespace mpquic::daemon
