#include "poker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

namespace poke {
namespace {

constexpr std::size_t batch_bytes = 256 << 10;

template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("{}\n", fmt::format(format, std::forward<Args>(args)...));
  std::fflush(stdout);
}

}  // namespace

mpquic::Result<std::unique_ptr<Poker>> Poker::connect(const Settings& settings,
                                                      std::deque<std::vector<std::uint8_t>> datagrams, Instant now) {
  auto socket = mpquic::io::UdpSocket::open({.bind = {settings.local, 0}, .receive_buffer = 1 << 20});
  if (!socket) return std::unexpected(socket.error());
  auto connection =
      mpquic::quic::Connection::connect(settings.transport, *settings.tls, socket->local(), settings.server, now);
  if (!connection) return std::unexpected(connection.error());
  return std::unique_ptr<Poker>(new Poker(std::move(*socket), std::move(*connection), std::move(datagrams), settings));
}

Poker::Poker(mpquic::io::UdpSocket socket, std::unique_ptr<mpquic::quic::Connection> connection,
             std::deque<std::vector<std::uint8_t>> datagrams, const Settings& settings)
    : socket_(std::move(socket)),
      connection_(std::move(connection)),
      waiting_(std::move(datagrams)),
      pause_(settings.pause),
      batch_(batch_bytes, socket_.segmentation()),
      stalls_(settings.stalls) {
  connection_->set_owner(*this);
}

void Poker::turn(mpquic::io::ReceiveBuffers& buffers, Instant now) {
  now_ = now;
  if (stalled_) return;
  stalled_ = !hear(buffers, now);
  if (connection_->deadline() <= now) connection_->on_deadline(now);
  connection_->write(*this, batch_, now);
  socket_.send(batch_, 0, drops_);
  batch_.clear();
  if (closed() && !said_closed_) {
    said_closed_ = true;
    say("closed {}", connection_->close_reason());
  }
}

bool Poker::hear(mpquic::io::ReceiveBuffers& buffers, Instant now) {
  for (auto& arrival : socket_.receive(buffers)) {
    // RFC 9000, 17.2.5: a Retry. Anything else is the server's part of the handshake, which is then half open.
    if (stalls_ && arrival.bytes[0] >> 4 != 0xf) return false;
    for (std::size_t at = 0; at < arrival.bytes.size(); at += arrival.segment_size) {
      const auto payload = arrival.bytes.subspan(at, std::min(arrival.segment_size, arrival.bytes.size() - at));
      connection_->receive(payload, arrival.local, arrival.remote, arrival.ecn, now);
    }
  }
  return true;
}

void Poker::close(Instant now) {
  connection_->close(0, "done");
  connection_->write(*this, batch_, now);
  socket_.send(batch_, 0, drops_);
  batch_.clear();
}

void Poker::on_established() {
  established_ = true;
  say("established");
}

void Poker::on_datagram(Bytes datagram) { say("datagram {:02x}", fmt::join(datagram, "")); }

void Poker::pop() {
  waiting_.pop_front();
  if (paused_) return;
  paused_ = true;
  resume_at_ = now_ + pause_;
}

const mpquic::packet::Pieces* Poker::front(std::size_t max_size, Instant now) {
  if (resume_at_ != mpquic::never && now < resume_at_) return nullptr;
  resume_at_ = mpquic::never;
  // Path MTU discovery may yet make room for it.
  if (waiting_.empty() || waiting_.front().size() > max_size) return nullptr;
  front_ = {waiting_.front(), {}};
  return &front_;
}

}  // namespace poke
