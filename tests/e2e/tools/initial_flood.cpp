// initial_flood: a flood of QUIC Initials that a server has to take for real: each holds a true ClientHello, and all
// come from source addresses and ports made up on the spot (a raw socket, so it needs root), at a steady rate.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "quic/connection.h"

namespace {

using mpquic::Clock;
using mpquic::failure;
using mpquic::os_failure;
using mpquic::Result;
using Payload = std::vector<std::uint8_t>;

// Sends so many packets each time it wakes: as even as a busy machine allows, without a system call for each.
constexpr unsigned batch = 32;

struct Options {
  std::string server, sources = "10.99.0.0/16";
  unsigned rate = 20'000;
  double seconds = 5;
  unsigned distinct = 2000;
};

class Silent final : public mpquic::quic::ConnectionOwner, public mpquic::quic::DatagramSource {
 public:
  void on_established() override {}
  void on_lost(std::uint64_t) override {}
  void on_datagram(mpquic::Bytes) override {}
  const mpquic::packet::Pieces* front(std::size_t, mpquic::Instant) override { return nullptr; }
  bool more() const override { return false; }
  void pop() override {}
};

/// The first flight of a client that begins to connect.
Result<Payload> write_initial(const mpquic::packet::SocketAddress& server, const mpquic::quic::TlsContext& tls) {
  const auto now = Clock::now();
  auto connection = mpquic::quic::Connection::connect({}, tls, {server.address, 1}, server, now);
  if (!connection) return std::unexpected(connection.error());
  Silent silent;
  (*connection)->set_owner(silent);
  mpquic::packet::UdpBatch written(4096, false);
  (*connection)->write(silent, written, now);
  if (written.runs().empty()) return failure("the client wrote no Initial");
  const mpquic::Bytes bytes = written.bytes(written.runs().front());
  return Payload(bytes.begin(), bytes.end());
}

struct Packet {
  iphdr ip{};
  udphdr udp{};
};

class Flood {
 public:
  static Result<Flood> open(const Options& options) {
    Flood flood;
    const auto server = mpquic::packet::SocketAddress::parse(options.server);
    const auto sources = mpquic::packet::Prefix::parse(options.sources);
    if (!server || !server->address.is_ipv4()) return failure("--server is IPV4:PORT");
    if (!sources || !sources->address().is_ipv4()) return failure("--sources is an IPv4 prefix");
    std::memcpy(&flood.server_.sin_addr, server->address.bytes().data(), 4);
    flood.server_.sin_family = AF_INET;
    flood.server_port_ = htons(server->port);
    flood.first_source_ = mpquic::load_be32(sources->address().bytes().data());
    flood.source_mask_ = sources->length() == 0 ? ~0U : (1U << (32 - sources->length())) - 1;
    flood.socket_ = mpquic::Fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!flood.socket_) return os_failure("raw socket");
    auto tls = mpquic::quic::TlsContext::load({.server_name = "mpquic-server"});
    if (!tls) return std::unexpected(tls.error());
    for (unsigned i = 0; i < options.distinct; ++i) {
      auto initial = write_initial(*server, **tls);
      if (!initial) return std::unexpected(initial.error());
      flood.initials_.push_back(std::move(*initial));
    }
    return flood;
  }

  /// Returns how many packets the kernel took.
  std::size_t send() {
    std::array<Packet, batch> headers;
    std::array<std::array<iovec, 2>, batch> pieces;
    std::array<mmsghdr, batch> messages{};
    for (unsigned i = 0; i < batch; ++i) {
      Payload& initial = initials_[next_++ % initials_.size()];
      headers[i] = header(initial.size());
      pieces[i] = {iovec{&headers[i], sizeof(Packet)}, iovec{initial.data(), initial.size()}};
      messages[i].msg_hdr.msg_name = &server_;
      messages[i].msg_hdr.msg_namelen = sizeof server_;
      messages[i].msg_hdr.msg_iov = pieces[i].data();
      messages[i].msg_hdr.msg_iovlen = pieces[i].size();
    }
    return static_cast<std::size_t>(std::max(0, sendmmsg(socket_.get(), messages.data(), batch, 0)));
  }

 private:
  Packet header(std::size_t payload) {
    Packet packet;
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_UDP;
    packet.ip.saddr = htonl(first_source_ | (static_cast<std::uint32_t>(random_()) & source_mask_));
    packet.ip.daddr = server_.sin_addr.s_addr;
    packet.udp.source = htons(static_cast<std::uint16_t>(1024 + random_() % 60'000));
    packet.udp.dest = server_port_;
    packet.udp.len = htons(static_cast<std::uint16_t>(sizeof(udphdr) + payload));
    return packet;  // the kernel fills in the rest; over IPv4 a UDP checksum of 0 is none
  }

  sockaddr_in server_{};
  std::uint16_t server_port_ = 0;
  std::uint32_t first_source_ = 0, source_mask_ = 0;
  mpquic::Fd socket_;
  std::vector<Payload> initials_;
  std::size_t next_ = 0;
  std::mt19937 random_{1};
};

Result<void> run(const Options& options) {
  auto flood = Flood::open(options);
  if (!flood) return std::unexpected(flood.error());
  fmt::print("flooding\n");
  std::fflush(stdout);
  const auto begin = Clock::now();
  const auto gap =
      std::chrono::duration_cast<mpquic::Duration>(std::chrono::duration<double>(1.0 * batch / options.rate));
  const auto end = begin + std::chrono::duration_cast<mpquic::Duration>(std::chrono::duration<double>(options.seconds));
  std::size_t sent = 0;
  // What it is late by, on a busy machine, is made up for.
  for (auto due = begin; due < end; due += gap) {
    std::this_thread::sleep_until(due);
    sent += flood->send();
  }
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("sent {} in {:.2f} s: {:.0f} a second\n", sent, took, static_cast<double>(sent) / took);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Floods an mpquic server with Initials"};
  Options options;
  app.add_option("--server", options.server, "IPV4:PORT")->required();
  app.add_option("--sources", options.sources, "the prefix that sources are made up from")->capture_default_str();
  app.add_option("--rate", options.rate, "packets a second")->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  app.add_option("--distinct", options.distinct, "ClientHellos to take turns")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (auto flooded = run(options); !flooded) {
    fmt::print(stderr, "initial_flood: {}\n", flooded.error().message);
    return 1;
  }
  return 0;
}
