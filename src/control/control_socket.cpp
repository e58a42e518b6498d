#include "control/control_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <vector>

namespace mpquic::control {
namespace {

constexpr std::uint64_t listener_key = 0;
constexpr Duration pause_without_descriptors = std::chrono::seconds(1);

bool watch(int epoll, int operation, int fd, std::uint32_t events, std::uint64_t key) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  return ::epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

struct ControlRequest::Client {
  enum class State : std::uint8_t { reading, waiting, writing };

  Fd socket;
  int epoll;  // of the ControlSocket, which outlives its clients
  std::uint64_t key;
  Instant deadline;
  State state = State::reading;
  std::string text = {};  // what has been read, or what is left to write
  std::size_t written = 0;

  // Whoever has hung up is always told, whatever is asked for: a client that waits is not read from meanwhile.
  void wait_for(std::uint32_t events) const { watch(epoll, EPOLL_CTL_MOD, socket.get(), events, key); }

  bool read_line();
  bool write_rest();
  void answer(std::string line);
};

/// False: it has gone. A whole line, or one that is too long, is in `text`.
bool ControlRequest::Client::read_line() {
  std::array<char, ControlSocket::line_max + 1> buffer{};
  while (text.size() <= ControlSocket::line_max && text.find('\n') == std::string::npos) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size() - text.size(), 0);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return true;
}

/// False: all is written, or it has gone.
bool ControlRequest::Client::write_rest() {
  while (written < text.size()) {
    const ssize_t put = ::send(socket.get(), &text[written], text.size() - written, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    written += static_cast<std::size_t>(put);
  }
  return false;
}

void ControlRequest::Client::answer(std::string line) {
  if (state == State::writing) return;
  state = State::writing;
  text = std::move(line);
  text += '\n';
  wait_for(EPOLLOUT);
}

void ControlRequest::reply(std::string json) const {
  if (const auto client = client_.lock()) client->answer(std::move(json));
}

void ControlRequest::refuse(std::string_view why) const {
  using nlohmann::json;
  reply(json{{"error", why}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<ControlSocket> ControlSocket::open(const std::filesystem::path& path) {
  auto listener = BoundSocket::listen(path);
  if (!listener) return std::unexpected(listener.error());
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll || !watch(epoll.get(), EPOLL_CTL_ADD, listener->socket().get(), EPOLLIN, listener_key)) {
    return os_failure("epoll for {}", path.native());
  }
  return ControlSocket(std::move(epoll), std::move(*listener));
}

void ControlSocket::on_readable(Instant now, const Handler& on_request) {
  std::array<epoll_event, clients_max + 1> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.u64 == listener_key) {
      accept_all(now);
      continue;
    }
    const auto found = clients_.find(event.data.u64);
    if (found == clients_.end()) continue;  // gave way to one that was accepted just now
    const auto client = found->second;      // whatever the handler does
    if (!serve(client, event.events, now, on_request)) clients_.erase(client->key);
  }
}

void ControlSocket::accept_all(Instant now) {
  // No more than there may be: a flood of connections gets its share of each turn, not all of it.
  for (std::size_t i = 0; i < clients_max; ++i) {
    Fd socket(::accept4(listener_.socket().get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      // Out of descriptors or memory: the listener would stay readable, and the caller's loop spin.
      if (errno != EAGAIN) accept_again_at(now + pause_without_descriptors);
      return;
    }
    if (clients_.size() >= clients_max) clients_.erase(clients_.begin());
    const std::uint64_t key = ++last_key_;
    if (!watch(epoll_.get(), EPOLL_CTL_ADD, socket.get(), EPOLLIN, key)) continue;
    clients_.emplace(
        key, std::make_shared<Client>(Client{
                 .socket = std::move(socket), .epoll = epoll_.get(), .key = key, .deadline = now + time_for_line}));
  }
}

/// False: done with this client.
bool ControlSocket::serve(const std::shared_ptr<Client>& client, std::uint32_t events, Instant now,
                          const Handler& on_request) {
  switch (client->state) {
    case Client::State::reading: {
      if (!client->read_line()) return false;
      const auto end = client->text.find('\n');
      if (end == std::string::npos && client->text.size() <= line_max) return true;
      client->deadline = now + time_for_answer;
      client->state = Client::State::waiting;
      client->wait_for(0);
      const ControlRequest request(client, client->text.substr(0, end));
      if (end == std::string::npos) {
        request.refuse("the request is too long");
      } else {
        on_request(request);
      }
      return true;
    }
    case Client::State::waiting: return (events & (EPOLLHUP | EPOLLERR)) == 0;
    case Client::State::writing: return client->write_rest();
  }
  return false;
}

Instant ControlSocket::deadline() const {
  Instant earliest = accepts_again_;
  for (const auto& [key, client] : clients_) earliest = std::min(earliest, client->deadline);
  return earliest;
}

void ControlSocket::on_deadline(Instant now) {
  std::erase_if(clients_, [now](const auto& entry) { return entry.second->deadline <= now; });
  if (accepts_again_ <= now) accept_again_at(never);
}

/// `never` is at once: it is what accepts_again_ is while connections are accepted.
void ControlSocket::accept_again_at(Instant when) {
  accepts_again_ = when;
  watch(epoll_.get(), EPOLL_CTL_MOD, listener_.socket().get(), when == never ? EPOLLIN : 0U, listener_key);
}

}  // namespace mpquic::control
