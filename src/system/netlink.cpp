#include "system/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace mpquic::system {

/// How the kernel ended its answer.
struct NetlinkSocket::Answer {
  int error = 0;             ///< errno, 0 for none
  std::string explanation;   ///< the extended acknowledgement's text, often empty
  bool interrupted = false;  ///< the dump is no consistent picture
  bool lost = false;         ///< a part did not fit the socket's buffer

  Error as_error(const Request& request) const {
    const std::string meaning = lost ? "the kernel's answer was lost" : std::generic_category().message(error);
    return Error{fmt::format("{}: {}{}", request.purpose(), meaning,
                             explanation.empty() ? std::string() : fmt::format(" ({})", explanation))};
  }
};

namespace {

// The kernel answers with one skb of at most 32 KiB.
constexpr std::size_t receive_size = std::size_t{64} << 10;
constexpr int dump_attempts = 16;

// Both NLMSG_ERROR and NLMSG_DONE begin with a negative errno; the former repeats the request's header, and all of the
// request unless it was "capped". The attributes of the extended acknowledgement follow.
std::string explanation_of(const Message& end) {
  if (!(end.flags & NLM_F_ACK_TLVS)) return {};
  std::size_t skip = sizeof(int);
  if (end.type == NLMSG_ERROR) {
    const auto error = end.header<nlmsgerr>();
    if (!error) return {};
    skip = end.flags & NLM_F_CAPPED ? sizeof(nlmsgerr) : sizeof(int) + error->msg.nlmsg_len;
  }
  return std::string(Attributes::of(end, skip).text(NLMSGERR_ATTR_MSG).value_or(""));
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int bus) {
  NetlinkSocket opened;
  opened.bus_ = bus;
  opened.buffer_.resize(receive_size);
  if (auto connected = opened.connect(); !connected) return std::unexpected(connected.error());
  return opened;
}

Result<void> NetlinkSocket::connect() {
  socket_.reset(mnl_socket_open2(bus_, SOCK_CLOEXEC));
  if (!socket_) return os_failure("open a netlink socket");
  if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) return os_failure("bind a netlink socket");
  // Both only make errors readable, so a kernel that refuses them will do.
  int on = 1;
  mnl_socket_setsockopt(socket_.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket_.get(), NETLINK_CAP_ACK, &on, sizeof on);
  return {};
}

Result<void> NetlinkSocket::apply(Request request, int already_so) {
  return apply(std::move(request), already_so, [](const Message&) {});
}

Result<void> NetlinkSocket::apply(Request request, int accepted, const Visit& visit) {
  request.add_flags(NLM_F_ACK);
  const auto answer = exchange(request, visit);
  if (!answer) return std::unexpected(answer.error());
  if (answer->lost) {
    // A late answer can't be told from a lost one: begin afresh.
    if (auto connected = connect(); !connected) return connected;
    return std::unexpected(answer->as_error(request));
  }
  if (answer->error != 0 && answer->error != accepted) return std::unexpected(answer->as_error(request));
  return {};
}

Result<void> NetlinkSocket::dump(Request request, const Visit& visit, const std::function<void()>& start_again) {
  request.add_flags(NLM_F_DUMP);
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    start_again();
    const auto answer = exchange(request, visit);
    if (!answer) return std::unexpected(answer.error());
    if (answer->lost) {
      // The old socket may still be in the middle of the dump and would refuse another with EBUSY.
      if (auto connected = connect(); !connected) return connected;
    } else if (answer->error != 0 && answer->error != EINTR) {
      return std::unexpected(answer->as_error(request));
    } else if (answer->error == 0 && !answer->interrupted) {
      return {};
    }
  }
  return failure("{}: it changed during each of {} attempts to read it", request.purpose(), dump_attempts);
}

Result<NetlinkSocket::Answer> NetlinkSocket::exchange(Request& request, const Visit& visit) {
  request.set_sequence(++sequence_);
  const Bytes bytes = request.bytes();
  if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) {
    return os_failure("{}: send to the kernel", request.purpose());
  }
  const std::uint32_t port = mnl_socket_get_portid(socket_.get());
  Answer answer;
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      answer.lost = true;
      return answer;
    }
    if (size < 0) return os_failure("{}: receive from the kernel", request.purpose());
    Bytes received = Bytes(buffer_).first(static_cast<std::size_t>(size));
    while (const auto message = next_message(received)) {
      if (message->sequence != sequence_ || message->port != port) continue;
      if (message->flags & NLM_F_DUMP_INTR) answer.interrupted = true;
      if (message->type == NLMSG_ERROR || message->type == NLMSG_DONE) {
        answer.error = -message->header<int>().value_or(0);
        answer.explanation = explanation_of(*message);
        return answer;
      }
      if (message->type >= NLMSG_MIN_TYPE) visit(*message);
    }
  }
}

}  // namespace mpquic::system
