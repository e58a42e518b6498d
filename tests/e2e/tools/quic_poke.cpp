// quic_poke: a QUIC client driven by hand, for tests of what a server must bear. Connects with the certificates given,
// sends each line of standard input (hex) as a datagram, in order, and prints events (poker.h). At the end of the time
// that --linger gives it says goodbye and prints how many connections stood and how many datagrams it could not send.

#include <fmt/format.h>
#include <poll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "poker.h"

namespace {

using mpquic::Clock;
using mpquic::failure;
using mpquic::Instant;
using mpquic::Result;

struct Options {
  std::string local, server, alpn = "mpquic-ip";
  mpquic::quic::TlsSettings tls;
  unsigned connections = 1;
  bool stall = false;
  double linger = 1;
};

std::optional<std::vector<std::uint8_t>> from_hex(const std::string& line) {
  if (line.size() % 2 != 0 || line.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < line.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Result<std::deque<std::vector<std::uint8_t>>> read_datagrams(std::istream& input) {
  std::deque<std::vector<std::uint8_t>> datagrams;
  for (std::string line; std::getline(input, line);) {
    auto bytes = from_hex(line);
    if (!bytes) return failure("not hex: {}", line);
    datagrams.push_back(std::move(*bytes));
  }
  return datagrams;
}

void wait(const std::vector<std::unique_ptr<poke::Poker>>& pokers, Instant until) {
  std::vector<pollfd> watched;
  for (const auto& poker : pokers) {
    if (!poker->stalled()) watched.push_back({poker->fd(), POLLIN, 0});
    until = std::min(until, poker->deadline());
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count() + 1;
  poll(watched.data(), watched.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000)));
}

Result<void> poke_server(const Options& options) {
  const auto local = mpquic::packet::Address::parse(options.local);
  const auto server = mpquic::packet::SocketAddress::parse(options.server);
  if (!local || !server) return failure("--local is an address, --server an address with a port");
  auto tls = mpquic::quic::TlsContext::load(options.tls);
  if (!tls) return std::unexpected(tls.error());
  auto datagrams = read_datagrams(std::cin);
  if (!datagrams) return std::unexpected(datagrams.error());

  poke::Poker::Settings settings{*local, *server, {}, *tls, std::chrono::milliseconds(50), options.stall};
  settings.transport.alpn = {options.alpn};
  settings.transport.streams = options.alpn == mpquic::quic::alpn_h3;  // which it leaves unread
  std::vector<std::unique_ptr<poke::Poker>> pokers;
  for (unsigned i = 0; i < options.connections; ++i) {
    auto poker = poke::Poker::connect(settings, *datagrams, Clock::now());
    if (!poker) return std::unexpected(poker.error());
    pokers.push_back(std::move(*poker));
  }

  mpquic::io::ReceiveBuffers buffers;
  const Instant end =
      Clock::now() + std::chrono::duration_cast<mpquic::Duration>(std::chrono::duration<double>(options.linger));
  const auto over = [&] { return std::ranges::all_of(pokers, [](const auto& poker) { return poker->closed(); }); };
  while (Clock::now() < end && !over()) {
    for (const auto& poker : pokers) poker->turn(buffers, Clock::now());
    wait(pokers, end);
  }
  std::size_t established = 0;
  std::size_t unsent = 0;
  for (const auto& poker : pokers) {
    if (!poker->stalled()) poker->close(Clock::now());
    established += poker->established() ? std::size_t{1} : 0;
    unsent += poker->unsent();
  }
  fmt::print("end: {} of {} established, {} datagrams unsent\n", established, pokers.size(), unsent);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Pokes an mpquic server over QUIC"};
  Options options;
  app.add_option("--local", options.local, "address to send from")->required();
  app.add_option("--server", options.server, "ADDRESS:PORT")->required();
  app.add_option("--ca", options.tls.ca, "who must have signed the server's certificate; none: not verified");
  app.add_option("--server-name", options.tls.server_name)->default_val("mpquic-server");
  app.add_option("--certificate", options.tls.certificate);
  app.add_option("--key", options.tls.key);
  app.add_option("--alpn", options.alpn)->capture_default_str();
  app.add_option("--connections", options.connections, "all at once, each with a socket")->capture_default_str();
  app.add_flag("--stall", options.stall, "leave every handshake half open");
  app.add_option("--linger", options.linger, "seconds in all")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (auto poked = poke_server(options); !poked) {
    fmt::print(stderr, "quic_poke: {}\n", poked.error().message);
    return 1;
  }
  return 0;
}
