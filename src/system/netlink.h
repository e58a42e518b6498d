#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/result.h"
#include "system/message.h"
#include "system/request.h"

namespace mpquic::system {

/// Turns a message into what it says; nullopt for messages about something else.
template <class T>
using Parse = std::optional<T> (*)(const Message&);

/// Asks the kernel over netlink, NETLINK_ROUTE unless it is told another bus, and waits for its answer, which comes at
/// once. It works on the network namespace of the thread that opened it. Errors read "PURPOSE: Invalid argument (the
/// kernel's own explanation)".
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int bus = NETLINK_ROUTE);

  /// Has something done. The error number `already_so` means that nothing was left to do: no failure.
  Result<void> apply(Request request, int already_so = 0);

  /// Asks for one thing. The error number `absent` means that there is none.
  template <class T>
  Result<std::optional<T>> get(Request request, Parse<T> parse, int absent) {
    std::optional<T> found;
    const auto visit = [&](const Message& message) {
      if (auto one = parse(message)) found = std::move(one);
    };
    if (auto done = apply(std::move(request), absent, visit); !done) return std::unexpected(done.error());
    return found;
  }

  /// Asks for all things of a kind. When the kernel says that they changed underway, asks again.
  template <class T>
  Result<std::vector<T>> dump(Request request, Parse<T> parse) {
    std::vector<T> found;
    const auto visit = [&](const Message& message) {
      if (auto one = parse(message)) found.push_back(*std::move(one));
    };
    if (auto done = dump(std::move(request), visit, [&] { found.clear(); }); !done)
      return std::unexpected(done.error());
    return found;
  }

 private:
  using Visit = std::function<void(const Message&)>;
  struct Answer;

  Result<void> connect();
  Result<void> apply(Request request, int accepted, const Visit& visit);
  Result<void> dump(Request request, const Visit& visit, const std::function<void()>& start_again);
  Result<Answer> exchange(Request& request, const Visit& visit);

  std::unique_ptr<mnl_socket, Deleter<mnl_socket_close>> socket_;
  int bus_ = NETLINK_ROUTE;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace mpquic::system
