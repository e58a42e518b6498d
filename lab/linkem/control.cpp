#include "control.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <utility>

namespace linkem {
namespace {

using mpquic::failure;
using mpquic::Fd;
using mpquic::os_failure;

constexpr std::size_t largest_message = 65536;
constexpr int pending_clients = 16;

struct Endpoint {
  Fd fd;
  sockaddr_un address{};
  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
};

mpquic::Result<Endpoint> make_endpoint(const std::string& path, int flags) {
  Endpoint endpoint;
  endpoint.address.sun_family = AF_UNIX;
  if (path.size() >= sizeof endpoint.address.sun_path) return failure("{}: too long for a socket's name", path);
  path.copy(endpoint.address.sun_path, path.size());
  endpoint.fd = Fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!endpoint.fd) return os_failure("control socket");
  return endpoint;
}

}  // namespace

ControlSocket::~ControlSocket() {
  if (listener_) ::unlink(path_.c_str());
}

mpquic::Result<ControlSocket> ControlSocket::listen(const std::string& path) {
  if (auto probe = make_endpoint(path, 0); !probe) {
    return std::unexpected(probe.error());
  } else if (connect(probe->fd.get(), probe->generic(), sizeof probe->address) == 0) {
    return failure("{}: another emulator answers there", path);
  } else if (errno == ECONNREFUSED) {
    ::unlink(path.c_str());
  }
  auto endpoint = make_endpoint(path, SOCK_NONBLOCK);
  if (!endpoint) return std::unexpected(endpoint.error());
  if (bind(endpoint->fd.get(), endpoint->generic(), sizeof endpoint->address) != 0 ||
      ::listen(endpoint->fd.get(), pending_clients) != 0) {
    return os_failure("control socket {}", path);
  }
  ControlSocket control;
  control.path_ = path;
  control.listener_ = std::move(endpoint->fd);
  return control;
}

std::vector<int> ControlSocket::fds() const {
  std::vector<int> fds{listener_.get()};
  for (const Fd& client : clients_) fds.push_back(client.get());
  return fds;
}

void ControlSocket::serve(const std::function<std::string(std::string_view)>& answer) {
  while (Fd client{accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)}) {
    clients_.push_back(std::move(client));
  }
  std::erase_if(clients_, [&](const Fd& client) {
    std::array<char, largest_message> message;
    const ssize_t n = recv(client.get(), message.data(), message.size(), 0);
    if (n < 0) return errno != EAGAIN && errno != EINTR;
    if (n == 0) return true;
    const std::string reply = answer({message.data(), static_cast<std::size_t>(n)});
    return send(client.get(), reply.data(), reply.size(), MSG_NOSIGNAL) < 0;
  });
}

mpquic::Result<std::string> ask(const std::string& path, const std::string& command) {
  auto endpoint = make_endpoint(path, 0);
  if (!endpoint) return std::unexpected(endpoint.error());
  const int fd = endpoint->fd.get();
  if (connect(fd, endpoint->generic(), sizeof endpoint->address) != 0) return os_failure("connect to {}", path);
  if (send(fd, command.data(), command.size(), MSG_NOSIGNAL) < 0) return os_failure("send to {}", path);
  std::string reply(largest_message, '\0');
  const ssize_t n = recv(fd, reply.data(), reply.size(), 0);
  if (n <= 0) return failure("{}: no answer", path);
  reply.resize(static_cast<std::size_t>(n));
  return reply;
}

}  // namespace linkem
