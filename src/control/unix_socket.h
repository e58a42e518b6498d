#pragma once

#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace mpquic::control {

/// Error: too long for a socket's name (107 bytes).
Result<sockaddr_un> unix_address(const std::filesystem::path& path);

/// A stream socket, non-blocking, closed on exec.
Result<Fd> unix_stream();

/// Connects without waiting. False, with errno, when nobody accepts there: ECONNREFUSED, ENOENT, EACCES; EAGAIN when
/// somebody listens who is too busy.
bool connect_to(const Fd& socket, const sockaddr_un& address);

/// A listening socket of one's own user alone. Its file goes with it, unless somebody has put another in its place.
class BoundSocket {
 public:
  /// Makes the directory if it is missing (0755), and the socket, which is 0600 from the first moment. A file that a
  /// dead process left is replaced; a socket that is alive is an error that tells the process.
  static Result<BoundSocket> listen(const std::filesystem::path& path);

  const Fd& socket() const { return socket_; }

 private:
  struct File {
    File(std::filesystem::path where, const struct stat& identity);
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File();

    std::filesystem::path path;
    dev_t device;
    ino_t inode;
  };

  BoundSocket(Fd socket, std::unique_ptr<File> file) : socket_(std::move(socket)), file_(std::move(file)) {}

  Fd socket_;
  std::unique_ptr<File> file_;
};

}  // namespace mpquic::control
