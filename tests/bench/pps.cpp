// Small UDP packets at a steady rate, and how many of them arrive.
//
// usage: pps receive ADDRESS:PORT                   until a signal
//        pps send ADDRESS:PORT RATE SECONDS         prints "OFFERED DELIVERED SECONDS", the first two in packets
//
// Each packet has 64 bytes of payload: the number of the run, the number of the packet within the run, zeros. At its
// end the sender asks the receiver how many different numbers it has seen, by a packet without number, until that no
// longer changes.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"
#include "io/sockaddr.h"

namespace mpquic::bench {
namespace {

struct Packet {
  static constexpr std::uint32_t question = ~std::uint32_t{0};

  std::uint32_t run = 0;
  std::uint32_t number = 0;  ///< in an answer: how many have arrived
  std::array<std::uint8_t, 56> rest{};
};
static_assert(sizeof(Packet) == 64);

constexpr std::size_t batch_size = 64;

/// Room for one sendmmsg or recvmmsg.
struct Batch {
  std::array<Packet, batch_size> packets;
  std::array<sockaddr_storage, batch_size> names;
  std::array<iovec, batch_size> pieces;
  std::array<mmsghdr, batch_size> headers;

  Batch() {
    for (std::size_t i = 0; i < batch_size; ++i) pieces[i] = {&packets[i], sizeof(Packet)};
  }
  void reset(bool with_names) {
    for (std::size_t i = 0; i < batch_size; ++i) {
      headers[i] = {};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
      if (with_names) headers[i].msg_hdr.msg_name = &names[i];
      if (with_names) headers[i].msg_hdr.msg_namelen = sizeof names[i];
    }
  }
};

Result<Fd> open_socket() {
  Fd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return os_failure("socket");
  // Neither end's own buffer is what is measured.
  constexpr int buffer = 16 << 20;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  return fd;
}

/// Which packets of the present run have arrived.
class Tally {
 public:
  void add(const Packet& packet) {
    if (packet.run != run_) {
      run_ = packet.run;
      count_ = 0;
      seen_.assign(seen_.size(), false);
    }
    if (packet.number >= seen_.size()) seen_.resize(std::size_t{packet.number} * 2 + 1024);
    if (!seen_[packet.number]) ++count_;
    seen_[packet.number] = true;
  }
  std::uint32_t count(std::uint32_t run) const { return run == run_ ? count_ : 0; }

 private:
  std::uint32_t run_ = 0;
  std::uint32_t count_ = 0;
  std::vector<bool> seen_;
};

Result<void> receive(const sockaddr_storage& address, socklen_t size) {
  auto fd = open_socket();
  if (!fd) return std::unexpected(fd.error());
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return os_failure("bind");
  fmt::print("receiving\n");
  std::fflush(stdout);
  Tally tally;
  Batch batch;
  for (;;) {
    batch.reset(true);
    const int count = recvmmsg(fd->get(), batch.headers.data(), batch_size, MSG_WAITFORONE, nullptr);
    if (count < 0) return os_failure("recvmmsg");
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      Packet& packet = batch.packets[i];
      if (packet.number != Packet::question) {
        tally.add(packet);
      } else {
        packet.number = tally.count(packet.run);
        sendto(fd->get(), &packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&batch.names[i]),
               batch.headers[i].msg_hdr.msg_namelen);
      }
    }
  }
}

struct Offered {
  std::uint32_t packets = 0;
  double seconds = 0;
};

/// Sends at `rate`, in bursts as small as the clock allows. What it could not send in time, because it did not get the
/// CPU, it does not catch up on beyond a millisecond: that would be another, harder test.
Offered send_steadily(int fd, std::uint32_t run, double rate, double seconds) {
  constexpr auto tick = std::chrono::microseconds(100);
  const auto most_behind = std::max(rate / 1000, 1.0);
  Batch batch;
  batch.reset(false);
  Offered offered;
  const auto begin = Clock::now();
  auto before = begin;
  double due = 0;
  for (auto now = begin; now - begin < std::chrono::duration<double>(seconds); now = Clock::now()) {
    due = std::min(due + rate * std::chrono::duration<double>(now - before).count(), most_behind);
    before = now;
    if (due < 1) {
      std::this_thread::sleep_for(tick);
      continue;
    }
    const std::size_t count = std::min(static_cast<std::size_t>(due), batch_size);
    for (std::size_t i = 0; i < count; ++i) {
      batch.packets[i].run = run;
      batch.packets[i].number = offered.packets + static_cast<std::uint32_t>(i);
    }
    const int sent = sendmmsg(fd, batch.headers.data(), static_cast<unsigned>(count), 0);
    if (sent <= 0) continue;
    offered.packets += static_cast<std::uint32_t>(sent);
    due -= sent;
  }
  offered.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return offered;
}

std::optional<std::uint32_t> ask(int fd, std::uint32_t run) {
  Packet packet{.run = run, .number = Packet::question};
  if (::send(fd, &packet, sizeof packet, 0) < 0) return std::nullopt;
  while (recv(fd, &packet, sizeof packet, 0) == sizeof packet) {
    if (packet.run == run) return packet.number;
  }
  return std::nullopt;
}

/// How many have arrived, once that is the same in two answers 100 ms apart.
Result<std::uint32_t> ask_until_settled(int fd, std::uint32_t run) {
  constexpr timeval patience{.tv_sec = 0, .tv_usec = 300'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::optional<std::uint32_t> last;
  for (int tries = 0; tries < 50; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto count = ask(fd, run);
    if (count && count == last) return *count;
    if (count) last = count;
  }
  return failure("the receiver does not answer");
}

Result<void> send(const sockaddr_storage& address, socklen_t size, double rate, double seconds) {
  auto fd = open_socket();
  if (!fd) return std::unexpected(fd.error());
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return os_failure("connect");
  prctl(PR_SET_TIMERSLACK, 1000UL);
  const std::uint32_t run = std::random_device{}() | 1;
  const Offered offered = send_steadily(fd->get(), run, rate, seconds);
  const auto delivered = ask_until_settled(fd->get(), run);
  if (!delivered) return std::unexpected(delivered.error());
  fmt::print("{} {} {:.6f}\n", offered.packets, *delivered, offered.seconds);
  return {};
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto end = std::from_chars(text.begin(), text.end(), value).ptr;
  return end == text.end() && value > 0 ? std::optional(value) : std::nullopt;
}

Result<void> run(int count, char** words) {
  const std::string_view verb = count > 1 ? words[1] : "";
  const auto address = count > 2 ? packet::SocketAddress::parse(words[2]) : std::nullopt;
  const auto rate = count == 5 ? number(words[3]) : std::nullopt;
  const auto seconds = count == 5 ? number(words[4]) : std::nullopt;
  sockaddr_storage name{};
  const socklen_t size = address ? io::to_sockaddr(*address, false, name) : 0;
  if (verb == "receive" && address && count == 3) return receive(name, size);
  if (verb == "send" && rate && seconds && address) return send(name, size, *rate, *seconds);
  return failure("usage: pps receive ADDRESS:PORT | pps send ADDRESS:PORT RATE SECONDS");
}

}  // namespace
}  // namespace mpquic::bench

int main(int count, char** words) {
  const auto done = mpquic::bench::run(count, words);
  if (done) return 0;
  fmt::print(stderr, "pps: {}\n", done.error().message);
  return 1;
}
