#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <vector>

#include "base/time.h"
#include "packet/socket_address.h"
#include "quic/connection_id.h"

namespace mpquic::daemon {

/// A connection of a server, as any thread may name it: its worker, and a number that is never used again.
struct ConnectionRef {
  std::uint32_t worker = 0;
  std::uint64_t number = 0;

  auto operator<=>(const ConnectionRef&) const = default;
};

/// How to reach a client whose connection this server will not know any more once it has crashed.
struct LastClient {
  packet::SocketAddress local;  ///< that the client talks to
  packet::SocketAddress remote;
  std::array<std::uint8_t, quic::server_id_size> id{};  ///< that the client puts into its packets
};

/// Who is connected, kept in a file beside the control socket, so that a server that was killed can tell its clients
/// when it is back: an idle client sends nothing to which it could be told (RFC 9000, 10.3). On the control thread.
class LastClients {
 public:
  explicit LastClients(std::filesystem::path file) : file_(std::move(file)) {}

  /// What the run before has left; nothing after a clean stop. Lines that can't be understood are passed over.
  std::vector<LastClient> read() const;

  void add(ConnectionRef connection, const LastClient& client, Instant now);
  void remove(ConnectionRef connection, Instant now);
  /// When on_deadline() is to write the file.
  Instant deadline() const { return write_at_; }
  void on_deadline(Instant now);
  /// All have been told goodbye: the file goes, and stays away.
  void clear();

 private:
  void write_soon(Instant now);

  std::filesystem::path file_;
  std::map<ConnectionRef, LastClient> clients_;
  Instant write_at_ = never;
  Instant written_at_{};
};

}  // namespace mpquic::daemon
