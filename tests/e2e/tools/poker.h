#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "io/udp_socket.h"
#include "quic/connection.h"

namespace poke {

using mpquic::Bytes;
using mpquic::Instant;

/// A client's QUIC connection on a socket of its own that sends whatever datagrams it is given and prints what becomes
/// of it, one event a line: `established`, `datagram HEX`, `closed REASON`.
class Poker final : private mpquic::quic::ConnectionOwner, private mpquic::quic::DatagramSource {
 public:
  struct Settings {
    mpquic::packet::Address local;
    mpquic::packet::SocketAddress server;
    mpquic::quic::TransportSettings transport;
    std::shared_ptr<const mpquic::quic::TlsContext> tls;
    /// Between the first datagram, a registration mostly, and the others: until the server has spread the news.
    mpquic::Duration pause{};
    /// Proves its address when asked to (RFC 9000, 8.1.2), and falls silent when the server has begun the handshake.
    bool stalls = false;
  };

  static mpquic::Result<std::unique_ptr<Poker>> connect(const Settings& settings,
                                                        std::deque<std::vector<std::uint8_t>> datagrams, Instant now);

  int fd() const { return socket_.fd(); }
  /// Reads what has arrived, and does and sends what is due.
  void turn(mpquic::io::ReceiveBuffers& buffers, Instant now);
  Instant deadline() const { return stalled_ ? mpquic::never : std::min(connection_->deadline(), resume_at_); }
  /// Once it has, its socket fills up unread.
  bool stalled() const { return stalled_; }
  bool closed() const { return connection_->state() == mpquic::quic::ConnectionState::closed; }
  bool established() const { return established_; }
  /// Datagrams that have not been sent: too large for the path, or not connected.
  std::size_t unsent() const { return waiting_.size(); }
  void close(Instant now);

 private:
  Poker(mpquic::io::UdpSocket socket, std::unique_ptr<mpquic::quic::Connection> connection,
        std::deque<std::vector<std::uint8_t>> datagrams, const Settings& settings);
  /// False: it is to be heard no more.
  bool hear(mpquic::io::ReceiveBuffers& buffers, Instant now);

  void on_established() override;
  void on_lost(std::uint64_t) override {}
  void on_datagram(Bytes datagram) override;
  const mpquic::packet::Pieces* front(std::size_t max_size, Instant now) override;
  bool more() const override { return false; }  // each has a packet of its own
  void pop() override;

  mpquic::io::UdpSocket socket_;
  std::unique_ptr<mpquic::quic::Connection> connection_;
  std::deque<std::vector<std::uint8_t>> waiting_;
  mpquic::packet::Pieces front_;
  mpquic::Duration pause_;
  Instant now_{};
  bool paused_ = false;
  Instant resume_at_ = mpquic::never;
  mpquic::packet::UdpBatch batch_;
  mpquic::DropCounters drops_;
  bool stalls_;
  bool stalled_ = false;
  bool established_ = false;
  bool said_closed_ = false;
};

}  // namespace poke
