#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "packet/address.h"

namespace mpquic::dns {

using Message = std::vector<std::uint8_t>;

/// A question as RFC 1035 puts it: one name, one type.
struct Asked {
  std::uint16_t id = 0;
  std::string name;
  bool ipv6 = false;  ///< AAAA, not A
  bool by_tcp = false;
  unsigned times = 1;  ///< that this very question has come by now
  Message question;    ///< as it stood on the wire
};

enum class Code : std::uint8_t { ok = 0, server_failure = 2, no_such_name = 3 };

inline void append(Message& message, std::uint16_t number) {
  message.push_back(static_cast<std::uint8_t>(number >> 8));
  message.push_back(static_cast<std::uint8_t>(number));
}

/// An answer with these addresses, as far as they are of the family that was asked for. `claimed`: records that the
/// header promises beyond those that follow.
inline Message reply(const Asked& asked, const std::vector<std::string>& addresses, Code code = Code::ok,
                     bool truncated = false, unsigned claimed = 0) {
  Message records;
  unsigned count = claimed;
  for (const std::string& text : addresses) {
    const packet::Address address = *packet::Address::parse(text);
    if (address.is_ipv4() == asked.ipv6) continue;
    append(records, 0xc00c);  // the name: that of the question
    append(records, asked.ipv6 ? 28 : 1);
    append(records, 1);
    append(records, 0);
    append(records, 60);  // seconds to live
    append(records, static_cast<std::uint16_t>(address.bytes().size()));
    records.insert(records.end(), address.bytes().begin(), address.bytes().end());
    ++count;
  }
  Message message;
  append(message, asked.id);
  append(message, static_cast<std::uint16_t>(0x8180 | (truncated ? 0x200 : 0) | static_cast<unsigned>(code)));
  append(message, 1);
  append(message, static_cast<std::uint16_t>(count));
  append(message, 0);
  append(message, 0);
  message.insert(message.end(), asked.question.begin(), asked.question.end());
  message.insert(message.end(), records.begin(), records.end());
  return message;
}

/// Answers each question as it is told to, nothing being silence. In a process with a network namespace of its own,
/// on port 53 of whatever addresses that has.
class TinyServer {
 public:
  using Answer = std::function<std::optional<Message>(const Asked&)>;

  explicit TinyServer(Answer answer) : answer_(std::move(answer)) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      listen();
      if (write(ready[1], "y", 1) != 1) _exit(1);
      for (;;) serve();
    }
    close(ready[1]);
    char byte = 'n';
    EXPECT_EQ(read(ready[0], &byte, 1), 1) << "the server could not listen";
    close(ready[0]);
  }
  ~TinyServer() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  TinyServer(const TinyServer&) = delete;

  pid_t pid() const { return pid_; }

 private:
  void listen() {
    const int on = 1;
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(53);
    const auto* address = reinterpret_cast<const sockaddr*>(&any);
    bool good = unshare(CLONE_NEWNET) == 0;
    udp_ = socket(AF_INET6, SOCK_DGRAM, 0);
    tcp_ = socket(AF_INET6, SOCK_STREAM, 0);
    good = good && setsockopt(tcp_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    good = good && bind(udp_, address, sizeof any) == 0 && bind(tcp_, address, sizeof any) == 0;
    if (!good || ::listen(tcp_, 8) != 0) _exit(1);
  }

  void serve() {
    std::array<pollfd, 2> sockets = {pollfd{udp_, POLLIN, 0}, pollfd{tcp_, POLLIN, 0}};
    poll(sockets.data(), sockets.size(), -1);
    std::array<std::uint8_t, 1024> bytes{};
    if (sockets[0].revents != 0) {
      sockaddr_in6 from{};
      socklen_t size = sizeof from;
      const ssize_t got = recvfrom(udp_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (const auto answer = answer_to(bytes.data(), got, false)) {
        sendto(udp_, answer->data(), answer->size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
      }
    }
    if (sockets[1].revents != 0) {
      const int connection = accept(tcp_, nullptr, nullptr);
      const ssize_t got = recv(connection, bytes.data(), bytes.size(), 0);
      if (const auto answer = got > 2 ? answer_to(bytes.data() + 2, got - 2, true) : std::nullopt) {
        Message framed;
        append(framed, static_cast<std::uint16_t>(answer->size()));
        framed.insert(framed.end(), answer->begin(), answer->end());
        send(connection, framed.data(), framed.size(), MSG_NOSIGNAL);
      }
      close(connection);
    }
  }

  std::optional<Message> answer_to(const std::uint8_t* bytes, ssize_t size, bool by_tcp) {
    if (size < 17) return std::nullopt;
    Asked asked;
    asked.id = static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
    asked.by_tcp = by_tcp;
    ssize_t at = 12;
    for (; at < size && bytes[at] != 0; at += bytes[at] + 1) {
      if (!asked.name.empty()) asked.name += '.';
      asked.name.append(reinterpret_cast<const char*>(bytes) + at + 1, bytes[at]);
    }
    if (at + 5 > size) return std::nullopt;
    asked.ipv6 = bytes[at + 2] == 28;
    asked.question.assign(bytes + 12, bytes + at + 5);
    seen_.push_back(asked.question);
    asked.times = static_cast<unsigned>(std::ranges::count(seen_, asked.question));
    return answer_(asked);
  }

  Answer answer_;
  pid_t pid_ = -1;
  int udp_ = -1, tcp_ = -1;
  std::vector<Message> seen_;
};

}  // namespace mpquic::dns
