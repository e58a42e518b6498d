#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "packet/socket_address.h"

namespace mpquic::system {

/// The process that has what we want, for the line that says so to the operator.
struct Holder {
  pid_t pid = 0;
  std::string command;  ///< as in /proc/PID/comm: at most 15 characters

  std::string to_string() const;  ///< "process 4711 (mpquic)"
};

// Both look through /proc, which takes milliseconds: for error messages only. Without privilege only the processes of
// the same user can be looked into, so nullopt means "can't tell" rather than "nobody".

/// Who has a queue of the TUN device `name`, among the processes of this network namespace.
std::optional<Holder> holder_of_tun(std::string_view name);

/// Who has the UDP socket of this network namespace that keeps others from binding `wanted`: of the same address and
/// port, or of a wildcard address and the same port.
std::optional<Holder> holder_of_udp_port(const packet::SocketAddress& wanted);

}  // namespace mpquic::system
