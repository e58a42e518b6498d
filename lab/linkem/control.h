#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace linkem {

/// The control socket: Unix, SOCK_SEQPACKET. A client sends one command as one message and gets the answer as another.
class ControlSocket {
 public:
  ControlSocket() = default;
  ControlSocket(ControlSocket&&) = default;
  ControlSocket& operator=(ControlSocket&&) = default;
  ~ControlSocket();

  /// Takes the place of a socket file that nobody listens on any more.
  static mpquic::Result<ControlSocket> listen(const std::string& path);

  /// File descriptors that make serve worth calling.
  std::vector<int> fds() const;
  void serve(const std::function<std::string(std::string_view)>& answer);

 private:
  std::string path_;
  mpquic::Fd listener_;
  std::vector<mpquic::Fd> clients_;
};

/// Sends one command to a running emulator and waits for its answer.
mpquic::Result<std::string> ask(const std::string& path, const std::string& command);

}  // namespace linkem
