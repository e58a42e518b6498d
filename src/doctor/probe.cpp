#include "doctor/probe.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <set>

#include "base/fd.h"
#include "io/sockaddr.h"
#include "quic/version_probe.h"

namespace mpquic::doctor {
namespace {

using Outcome = ProbedPath::Outcome;
using std::chrono::milliseconds;

constexpr Duration round_length = milliseconds(650);  // longer than a round trip by satellite
constexpr unsigned rounds = 3;
constexpr std::size_t small_size = 100;
// Those that path MTU discovery tries as well; more than Ethernet carries helps nobody.
constexpr std::array<std::size_t, 9> sizes = {1200, 1232, 1332, 1372, 1392, 1412, 1432, 1452, 1472};

std::array<std::uint8_t, 8> random_nonce() {
  std::random_device random;
  std::array<std::uint8_t, 8> nonce;
  std::ranges::generate(nonce, [&] { return static_cast<std::uint8_t>(random()); });
  return nonce;
}

std::size_t header_size(const packet::Address& address) { return address.is_ipv4() ? 28 : 48; }

/// What is under way with one server over one link.
class Conversation {
 public:
  explicit Conversation(const ProbeTarget& target) : target_(target), probe_(random_nonce()) {
    result_.link = target.link;
    result_.interface = target.interface;
    result_.server = target.server;
    const std::size_t room = target.mtu - std::min<std::size_t>(target.mtu, header_size(target.server.address));
    for (const std::size_t size : sizes) {
      if (size <= room) open_.insert(size);
    }
    if (room > sizes.front() && room < sizes.back()) open_.insert(room);
    connect();
  }

  int fd() const { return socket_.get(); }
  bool done() const { return !socket_ || open_.empty() || result_.outcome == Outcome::refused; }

  void ask(unsigned round) {
    std::vector<std::uint8_t> packet(sizes.back());
    const auto wanted = open_;
    for (const std::size_t size : wanted) {
      const MutableBytes bytes = MutableBytes(packet).first(size);
      probe_.write(bytes);
      send(bytes);
    }
    if (round == 0 || result_.outcome == Outcome::answered || done()) return;
    const MutableBytes small = MutableBytes(packet).first(small_size);
    probe_.write_stray(small);
    send(small);
  }

  void listen(Instant asked) {
    read_errors();
    std::array<std::uint8_t, 2048> buffer;
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (got < 0) return;  // what it could tell, read_errors() was told
      const Bytes payload = Bytes(buffer).first(static_cast<std::size_t>(got));
      if (const auto size = probe_.answered(payload)) {
        if (open_.erase(*size) == 0) continue;
        if (result_.outcome != Outcome::answered) result_.round_trip = Clock::now() - asked;
        result_.outcome = Outcome::answered;
        result_.answered.push_back(*size);
      } else if (quic::VersionProbe::may_be_reset(payload)) {
        result_.small_answered = true;
      }
    }
  }

  ProbedPath finish() {
    if (result_.announced_mtu) {
      const std::size_t room = *result_.announced_mtu - header_size(target_.server.address);
      std::erase_if(open_, [&](std::size_t size) { return size > room; });
    }
    result_.silent.assign(open_.begin(), open_.end());
    std::ranges::sort(result_.answered);
    return std::move(result_);
  }

 private:
  void connect() {
    const bool ipv6 = !target_.server.address.is_ipv4();
    Fd socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
    const auto set = [&](int level, int option, int value) {
      return setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
    };
    const bool tuned =
        ipv6 ? set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE) && set(IPPROTO_IPV6, IPV6_RECVERR, 1)
             : set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE) && set(IPPROTO_IP, IP_RECVERR, 1);
    sockaddr_storage from{}, to{};
    const socklen_t from_size = io::to_sockaddr({target_.source, 0}, ipv6, from);
    const socklen_t to_size = io::to_sockaddr(target_.server, ipv6, to);
    if (!tuned ||
        setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, target_.interface.data(),
                   static_cast<socklen_t>(target_.interface.size())) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), from_size) != 0 ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), to_size) != 0) {
      return fail(Outcome::unreachable, std::generic_category().message(errno));
    }
    socket_ = std::move(socket);
  }

  // An answer that came before says more.
  void fail(Outcome outcome, std::string detail) {
    if (result_.outcome == Outcome::answered || result_.outcome == Outcome::refused) return;
    result_.outcome = outcome;
    result_.detail = std::move(detail);
  }

  void send(Bytes packet) {
    // An error of an earlier packet may be reported in place of this one's sending.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (::send(socket_.get(), packet.data(), packet.size(), 0) >= 0) return;
      if (errno == EMSGSIZE) return void(open_.erase(packet.size()));  // larger than the interface takes
      if (errno == EPERM) return fail(Outcome::forbidden, {});
      if (errno == ENETUNREACH) fail(Outcome::unreachable, "no route out of this link");
      read_errors();
    }
  }

  void read_errors() {
    for (;;) {
      std::array<std::uint8_t, 64> packet;
      alignas(cmsghdr) std::array<std::uint8_t, 256> control;
      iovec piece{packet.data(), packet.size()};
      msghdr message{};
      message.msg_iov = &piece;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      if (::recvmsg(socket_.get(), &message, MSG_ERRQUEUE) < 0) return;
      for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        const bool error = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                           (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
        if (error) on_error(CMSG_DATA(part), part->cmsg_len - CMSG_LEN(0));
      }
    }
  }

  void on_error(const std::uint8_t* data, std::size_t size) {
    sock_extended_err error{};
    sockaddr_storage offender{};
    if (size < sizeof error) return;
    std::memcpy(&error, data, sizeof error);
    std::memcpy(&offender, data + sizeof error, std::min(size - sizeof error, sizeof offender));
    if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) return;
    if (error.ee_errno == EMSGSIZE) {
      // RFC 791, RFC 8200: less than this is no path MTU.
      const unsigned least = target_.server.address.is_ipv4() ? 68 : 1280;
      result_.announced_mtu = std::max(least, std::min(result_.announced_mtu.value_or(error.ee_info), error.ee_info));
    } else if (error.ee_errno == ECONNREFUSED) {
      fail(Outcome::refused, {});
    } else {
      fail(Outcome::unreachable, fmt::format("{} says: {}", io::from_sockaddr(offender).address.to_string(),
                                             std::generic_category().message(static_cast<int>(error.ee_errno))));
    }
  }

  const ProbeTarget& target_;
  quic::VersionProbe probe_;
  Fd socket_;
  std::set<std::size_t> open_;  ///< sizes without an answer
  ProbedPath result_;
};

/// Until the time, or until nobody waits any more.
void listen_until(std::vector<Conversation>& all, Instant asked, Instant until) {
  while (!std::ranges::all_of(all, &Conversation::done)) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    if (left <= 0) return;
    std::vector<pollfd> ready;
    for (const Conversation& one : all) ready.push_back({one.done() ? -1 : one.fd(), POLLIN, 0});
    if (::poll(ready.data(), ready.size(), static_cast<int>(left)) <= 0) continue;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (ready[i].revents != 0) all[i].listen(asked);
    }
  }
}

}  // namespace

std::vector<ProbedPath> probe(const std::vector<ProbeTarget>& targets) {
  std::vector<Conversation> all;
  all.reserve(targets.size());
  for (const ProbeTarget& target : targets) all.emplace_back(target);
  for (unsigned round = 0; round < rounds; ++round) {
    const Instant asked = Clock::now();
    for (Conversation& one : all) {
      if (!one.done()) one.ask(round);
    }
    listen_until(all, asked, asked + round_length);
  }
  std::vector<ProbedPath> results;
  for (Conversation& one : all) results.push_back(one.finish());
  return results;
}

}  // namespace mpquic::doctor
