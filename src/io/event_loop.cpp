#include "io/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>

namespace mpquic::io {
namespace {

std::uint32_t events_of(EventLoop::Interest interest) {
  switch (interest) {
    case EventLoop::Interest::read: return EPOLLIN;
    case EventLoop::Interest::write: return EPOLLOUT;
    case EventLoop::Interest::read_write: return EPOLLIN | EPOLLOUT;
    case EventLoop::Interest::none: return 0;
  }
  return 0;
}

}  // namespace

Result<EventLoop> EventLoop::create() {
  EventLoop loop;
  loop.epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop.epoll_) return os_failure("epoll_create");
  const timespec at_once{};
  epoll_event none{};
  if (epoll_pwait2(loop.epoll_.get(), &none, 1, &at_once, nullptr) < 0) return os_failure("epoll_pwait2 (Linux 5.11)");
  loop.refresh();
  return loop;
}

Result<void> EventLoop::watch(int fd, Interest interest, Handler on_ready) {
  epoll_event event{};
  event.events = events_of(interest);
  event.data.fd = fd;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return os_failure("epoll_ctl");
  watched_[fd] = std::make_shared<Watched>(Watched{fd, interest, std::move(on_ready)});
  return {};
}

void EventLoop::change(int fd, Interest interest) {
  const auto found = watched_.find(fd);
  if (found == watched_.end() || found->second->interest == interest) return;
  found->second->interest = interest;
  epoll_event event{};
  event.events = events_of(interest);
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::forget(int fd) {
  if (watched_.erase(fd) != 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Instant EventLoop::refresh() {
  now_ = std::max(now_, std::chrono::time_point_cast<Duration>(Clock::now()));
  return now_;
}

std::size_t EventLoop::turn(Instant deadline) {
  timespec timeout{};
  timespec* wait = nullptr;
  if (deadline != never) {
    const Duration left = std::max(deadline - refresh(), Duration::zero());
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
    timeout.tv_nsec = (left % std::chrono::seconds(1)).count();
    wait = &timeout;
  }
  std::array<epoll_event, 64> events;
  const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), wait, nullptr);
  refresh();
  for (int i = 0; i < count; ++i) {
    const auto found = watched_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (found == watched_.end()) continue;  // forgotten by a handler before it
    const std::shared_ptr<Watched> keep = found->second;
    keep->on_ready();
  }
  return static_cast<std::size_t>(std::max(count, 0));
}

}  // namespace mpquic::io
