#include "control/query.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "control/unix_socket.h"

namespace mpquic::control {
namespace {

// A server with ten thousand connections answers with ten megabytes.
constexpr std::size_t answer_max = 256 << 20;

/// Whether the socket becomes ready before the deadline.
bool wait_for(const Fd& socket, short events, Instant deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd ready{.fd = socket.get(), .events = events, .revents = 0};
    const int count = ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
    if (count > 0) return true;
    if (count == 0 && left <= 60'000) return false;
    if (count < 0 && errno != EINTR) return false;
  }
}

}  // namespace

Result<std::string> query(const std::filesystem::path& path, std::string_view line, Duration timeout) {
  const Instant deadline = Clock::now() + timeout;
  const auto address = unix_address(path);
  if (!address) return std::unexpected(address.error());
  const auto socket = unix_stream();
  if (!socket) return std::unexpected(socket.error());
  if (!connect_to(*socket, *address)) {
    if (errno == ECONNREFUSED || errno == ENOENT)
      return failure("{}: no mpquic runs with this control socket", path.native());
    return os_failure("{}", path.native());
  }

  const std::string request = std::string(line) + '\n';  // so short that it always fits a new socket's buffer
  if (::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    return os_failure("{}", path.native());
  }
  std::string answer;
  std::array<char, 65536> buffer;
  while (!answer.ends_with('\n')) {
    if (!wait_for(*socket, POLLIN, deadline)) return failure("{}: no answer in time", path.native());
    const ssize_t got = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return os_failure("{}", path.native());
    if (got == 0) return failure("{}: closed without an answer", path.native());
    answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (answer.size() > answer_max) return failure("{}: an answer without an end", path.native());
  }
  answer.pop_back();
  return answer;
}

Result<NodeStatus> query_status(const std::filesystem::path& path, Duration timeout) {
  const auto answer = query(path, "status", timeout);
  if (!answer) return std::unexpected(answer.error());
  auto status = parse_status(*answer);
  if (!status) return failure("{}: {}", path.native(), status.error().message);
  return status;
}

bool may_be_there(const std::filesystem::path& path) {
  const auto address = unix_address(path);
  const auto socket = unix_stream();
  if (!address || !socket) return true;
  return connect_to(*socket, *address) || (errno != ECONNREFUSED && errno != ENOENT);
}

}  // namespace mpquic::control
