// Many clients of one mpquic server that carry nothing: each a QUIC connection with a socket of its own, registered
// with a tunnel address of its own (10.77.0.1 and on), kept alive as mpquic's own client would.
//
// usage: idle_clients SERVER:PORT COUNT CA CERTIFICATE KEY SERVER_NAME SOURCE...
//
// They connect a few at a time, from the source addresses in turn. Says "all are up" when they are; fails when one
// closes. Until SIGTERM.
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/timers.h"
#include "io/event_loop.h"
#include "io/udp_socket.h"
#include "quic/connection.h"
#include "quic/tls.h"

namespace mpquic::bench {
namespace {

constexpr int socket_buffer = 64 << 10;

/// What all clients share: one thread's tools, and what they have in common.
struct Crowd {
  io::EventLoop loop;
  Timers timers;
  io::ReceiveBuffers buffers;
  packet::UdpBatch batch{packet::UdpBatch::max_run, true};
  DropCounters drops;
  quic::TransportSettings transport;
  std::shared_ptr<const quic::TlsContext> tls;
  packet::SocketAddress server;
  std::size_t established = 0;
  std::string failed;  ///< why, once one has
};

class IdleClient final : private quic::ConnectionOwner, private quic::DatagramSource {
 public:
  static Result<std::unique_ptr<IdleClient>> connect(Crowd& crowd, const packet::Address& source,
                                                     std::uint32_t tunnel_address) {
    auto socket = io::UdpSocket::open(
        {.bind = {source, 0}, .device = {}, .receive_buffer = socket_buffer, .send_buffer = socket_buffer});
    if (!socket) return std::unexpected(socket.error());
    auto connection =
        quic::Connection::connect(crowd.transport, *crowd.tls, socket->local(), crowd.server, crowd.loop.refresh());
    if (!connection) return std::unexpected(connection.error());
    std::unique_ptr<IdleClient> client(
        new IdleClient(crowd, std::move(*socket), std::move(*connection), tunnel_address));
    auto watched = crowd.loop.watch(client->socket_.fd(), io::EventLoop::Interest::read,
                                    [self = client.get()] { self->receive(); });
    if (!watched) return std::unexpected(watched.error());
    client->write();
    return client;
  }

 private:
  IdleClient(Crowd& crowd, io::UdpSocket socket, std::unique_ptr<quic::Connection> connection,
             std::uint32_t tunnel_address)
      : crowd_(crowd), socket_(std::move(socket)), connection_(std::move(connection)), timer_([this] { on_timer(); }) {
    store_be32(registration_bytes_.data(), tunnel_address);
    connection_->set_owner(*this);
  }

  void on_established() override {
    ++crowd_.established;
    registration_waits_ = true;
  }
  void on_lost(std::uint64_t) override { registration_waits_ = true; }
  void on_datagram(Bytes) override {}

  const packet::Pieces* front(std::size_t, Instant) override { return registration_waits_ ? &registration_ : nullptr; }
  bool more() const override { return false; }
  void pop() override { registration_waits_ = false; }

  void receive() {
    for (packet::UdpArrival& arrival : socket_.receive(crowd_.buffers)) {
      for (std::size_t at = 0; at < arrival.bytes.size(); at += arrival.segment_size) {
        connection_->receive(arrival.bytes.subspan(at, std::min(arrival.segment_size, arrival.bytes.size() - at)),
                             arrival.local, arrival.remote, arrival.ecn, crowd_.loop.now());
      }
    }
    write();
  }

  void on_timer() {
    connection_->on_deadline(crowd_.loop.now());
    write();
  }

  void write() {
    for (bool done = false; !done;) {
      done = connection_->write(*this, crowd_.batch, crowd_.loop.now());
      socket_.send(crowd_.batch, 0,
                   crowd_.drops);  // what does not fit the socket's buffer is lost; QUIC sends it again
      crowd_.batch.clear();
    }
    if (connection_->state() == quic::ConnectionState::closed) crowd_.failed = connection_->close_reason();
    crowd_.timers.set(timer_, connection_->deadline());
  }

  Crowd& crowd_;
  io::UdpSocket socket_;
  std::unique_ptr<quic::Connection> connection_;
  Timer timer_;
  bool registration_waits_ = false;
  std::array<std::uint8_t, 4> registration_bytes_{};
  packet::Pieces registration_{registration_bytes_, {}};
};

struct Arguments {
  packet::SocketAddress server;
  std::size_t count = 0;
  quic::TlsSettings tls;
  std::vector<packet::Address> sources;
};

Result<Arguments> parse(int count, char** words) {
  if (count < 8) return failure("usage: idle_clients SERVER:PORT COUNT CA CERTIFICATE KEY SERVER_NAME SOURCE...");
  Arguments arguments;
  const auto server = packet::SocketAddress::parse(words[1]);
  if (!server) return failure("{} is no address with a port", words[1]);
  arguments.server = *server;
  const std::string_view number = words[2];
  if (std::from_chars(number.begin(), number.end(), arguments.count).ptr != number.end()) {
    return failure("{} is no number", number);
  }
  arguments.tls = {.certificate = words[4], .key = words[5], .ca = words[3], .server_name = words[6]};
  for (int i = 7; i < count; ++i) {
    const auto source = packet::Address::parse(words[i]);
    if (!source) return failure("{} is no address", words[i]);
    arguments.sources.push_back(*source);
  }
  return arguments;
}

Result<void> run(const Arguments& arguments) {
  constexpr std::size_t at_a_time = 16;
  constexpr std::uint32_t first_address = 0x0a4d0001;  // 10.77.0.1
  auto tls = quic::TlsContext::load(arguments.tls);
  if (!tls) return std::unexpected(tls.error());
  auto loop = io::EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Crowd crowd{.loop = std::move(*loop),
              .timers = {},
              .buffers = {},
              .drops = {},
              .transport = {},
              .tls = std::move(*tls),
              .server = arguments.server,
              .failed = {}};
  std::vector<std::unique_ptr<IdleClient>> clients;
  for (bool said = false; crowd.failed.empty();) {
    while (clients.size() < arguments.count && clients.size() - crowd.established < at_a_time) {
      const auto number = clients.size();
      auto client = IdleClient::connect(crowd, arguments.sources[number % arguments.sources.size()],
                                        first_address + static_cast<std::uint32_t>(number));
      if (!client) return std::unexpected(client.error());
      clients.push_back(std::move(*client));
    }
    crowd.loop.turn(crowd.timers.next());
    crowd.timers.run(crowd.loop.now());
    if (crowd.established == arguments.count && !said) {
      fmt::print("all are up\n");
      std::fflush(stdout);
      said = true;
    }
  }
  return failure("with {} of {} up, one closed: {}", crowd.established, arguments.count, crowd.failed);
}

}  // namespace
}  // namespace mpquic::bench

int main(int count, char** words) {
  const auto arguments = mpquic::bench::parse(count, words);
  const auto done = arguments ? mpquic::bench::run(*arguments) : std::unexpected(arguments.error());
  fmt::print(stderr, "idle_clients: {}\n", done.error().message);
  return 1;
}
