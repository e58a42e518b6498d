#include "control/unix_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

namespace mpquic::control {
namespace {

Result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (!std::filesystem::create_directories(directory, error)) {
    if (error) return failure("create {}: {}", directory.native(), error.message());
    return {};
  }
  // Whatever umask says, `mpquic status` of other users is to find the socket, and be refused there.
  if (::chmod(directory.c_str(), 0755) != 0) return os_failure("chmod {}", directory.native());
  return {};
}

/// Removes what a dead process left at the path.
Result<void> clear_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return os_failure("{}", path.native());
  }
  if (!S_ISSOCK(found.st_mode)) return failure("{}: exists and is no socket", path.native());

  const auto probe = unix_stream();
  if (!probe) return std::unexpected(probe.error());
  if (connect_to(*probe, address)) {
    ucred listener{};
    socklen_t size = sizeof(listener);
    if (::getsockopt(probe->get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) != 0)
      return os_failure("{}", path.native());
    return failure("{}: another mpquic (pid {}) already runs with this control socket", path.native(), listener.pid);
  }
  if (errno == EAGAIN) return failure("{}: another mpquic already runs with this control socket", path.native());
  if (errno != ECONNREFUSED) return os_failure("{}", path.native());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return os_failure("remove {}", path.native());
  return {};
}

}  // namespace

Result<sockaddr_un> unix_address(const std::filesystem::path& path) {
  const std::string& name = path.native();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof(address.sun_path)) {
    return failure("{}: a control socket's path has 1 to {} characters", name, sizeof(address.sun_path) - 1);
  }
  std::ranges::copy(name, address.sun_path);
  return address;
}

Result<Fd> unix_stream() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return os_failure("control socket");
  return socket;
}

bool connect_to(const Fd& socket, const sockaddr_un& address) {
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

Result<BoundSocket> BoundSocket::listen(const std::filesystem::path& path) {
  const auto address = unix_address(path);
  if (!address) return std::unexpected(address.error());
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);  // the working directory may change until it is removed
  if (error) return failure("{}: {}", path.native(), error.message());
  if (auto made = make_directory(absolute.parent_path()); !made) return std::unexpected(made.error());
  if (auto clear = clear_stale(path, *address); !clear) return std::unexpected(clear.error());

  auto socket = unix_stream();
  if (!socket) return std::unexpected(socket.error());
  // Linux gives the file the mode of the socket, less umask: so there is no moment at which it is open to others.
  if (::fchmod(socket->get(), 0600) != 0) return os_failure("chmod {}", path.native());
  if (::bind(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0) {
    return os_failure("bind {}", path.native());
  }
  struct stat identity{};
  if (::lstat(path.c_str(), &identity) != 0) return os_failure("{}", path.native());
  auto file = std::make_unique<File>(absolute, identity);
  if (::listen(socket->get(), SOMAXCONN) != 0) return os_failure("listen {}", path.native());
  return BoundSocket(std::move(*socket), std::move(file));
}

BoundSocket::File::File(std::filesystem::path where, const struct stat& identity)
    : path(std::move(where)), device(identity.st_dev), inode(identity.st_ino) {}

BoundSocket::File::~File() {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == inode) {
    ::unlink(path.c_str());
  }
}

}  // namespace mpquic::control
