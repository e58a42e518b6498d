#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "control/unix_socket.h"

namespace mpquic::control {

/// One line that somebody sent to the control socket. Copies are the same request. It may be kept while the answer is
/// gathered, and outlive its client and the ControlSocket, but it is answered in the ControlSocket's thread.
class ControlRequest {
 public:
  /// Without the newline; at most ControlSocket::line_max bytes of untrusted text.
  const std::string& line() const { return line_; }
  /// One line of JSON, without the newline. Only the first answer counts; nothing happens if the client has gone.
  void reply(std::string json) const;
  /// Replies with {"error": why}.
  void refuse(std::string_view why) const;

 private:
  friend class ControlSocket;
  struct Client;
  ControlRequest(std::weak_ptr<Client> client, std::string line) : client_(std::move(client)), line_(std::move(line)) {}

  std::weak_ptr<Client> client_;
  std::string line_;
};

/// The Unix stream socket through which a running node is asked: a request line in, an answer line out, closed.
///
///   reading --line--> waiting --reply()--> writing --all written--> closed;  any --gone, or too slow--> closed
///
/// Clients can't block the caller or make it keep more than a line and an answer each: there are limits to their
/// number (the oldest gives way), to a line and to their time.
class ControlSocket {
 public:
  using Handler = std::function<void(ControlRequest)>;

  static constexpr std::size_t line_max = 256;
  static constexpr std::size_t clients_max = 32;
  static constexpr Duration time_for_line = std::chrono::seconds(5);
  static constexpr Duration time_for_answer = std::chrono::seconds(10);  ///< to be given and to be read

  /// Makes the directory if it is missing (0755), and the socket (0600, from the first moment). A socket that a dead
  /// process left is replaced; one that is alive is an error that tells its process. The file goes with the object.
  static Result<ControlSocket> open(const std::filesystem::path& path);

  /// Readable (an epoll descriptor) when on_readable() has something to do.
  int fd() const { return epoll_.get(); }
  /// Accepts, reads and writes what goes without waiting. `on_request` may answer at once or later.
  void on_readable(Instant now, const Handler& on_request);
  /// When on_deadline() is to be called, at the latest.
  Instant deadline() const;
  /// Parts with clients that took too long.
  void on_deadline(Instant now);

  std::size_t clients() const { return clients_.size(); }

 private:
  using Client = ControlRequest::Client;
  using Clients = std::map<std::uint64_t, std::shared_ptr<Client>>;  // in the order in which they came

  ControlSocket(Fd epoll, BoundSocket listener) : epoll_(std::move(epoll)), listener_(std::move(listener)) {}
  void accept_all(Instant now);
  void accept_again_at(Instant when);
  bool serve(const std::shared_ptr<Client>& client, std::uint32_t events, Instant now, const Handler& on_request);

  Fd epoll_;
  BoundSocket listener_;
  Clients clients_;
  std::uint64_t last_key_ = 0;     ///< in clients_; 0 is the listener's in epoll_
  Instant accepts_again_ = never;  ///< when out of descriptors
};

}  // namespace mpquic::control
