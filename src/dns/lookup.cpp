#include "dns/lookup.h"

#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>

#include "packet/socket_address.h"

namespace mpquic::dns {
namespace {

using std::chrono::milliseconds;

// Each server is asked up to three times: after a second, two and four, as far as the limit lets it.
constexpr int first_patience_ms = 1000;
constexpr int tries = 3;
constexpr Duration time_limit = std::chrono::seconds(5);
// Once one family is there, the other gets so long. RFC 8305 has 50 ms, for people who wait; a tunnel has more time,
// and a link by radio needs it.
constexpr Duration patience_with_other_family = milliseconds(300);

constexpr std::uint16_t dns_port = 53;

std::optional<packet::Address> address_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto& in4 = *reinterpret_cast<const sockaddr_in*>(address);
    return packet::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&in4.sin_addr), sizeof in4.sin_addr});
  }
  if (address->sa_family == AF_INET6) {
    const auto& in6 = *reinterpret_cast<const sockaddr_in6*>(address);
    return packet::Address::from_bytes({reinterpret_cast<const std::uint8_t*>(&in6.sin6_addr), sizeof in6.sin6_addr});
  }
  return std::nullopt;
}

std::string in_words(const Way& way) {
  if (way.servers.empty()) return "asked: those of /etc/resolv.conf";
  std::vector<std::string> servers;
  for (const auto& server : way.servers) servers.push_back(server.to_string());
  const std::string over = way.interface.empty() ? "" : " over " + way.interface;
  return fmt::format("asked: {}{}", fmt::join(servers, ", "), over);
}

bool can_be_sent_to(const packet::Address& address) { return !address.is_unspecified() && !address.is_multicast(); }

}  // namespace

Lookup::Lookup(io::EventLoop& loop, Timers& timers, std::string name, const Way& way, Resolver::Done done,
               std::function<void()> on_settled)
    : loop_(loop),
      timers_(timers),
      name_(std::move(name)),
      way_(way),
      done_(std::move(done)),
      on_settled_(std::move(on_settled)),
      timer_([this] { on_timer(); }),
      deadline_(loop.now() + time_limit) {
  for (Question& question : questions_) question.lookup = this;
  if (const auto numeric = packet::Address::parse(name_)) settle(std::vector{*numeric});
  if (!settled()) look_into_hosts_file();
  if (!settled()) ask_servers();
}

Lookup::~Lookup() {
  for (const ares_socket_t socket : watched_) loop_.forget(socket);
}

/// `lookups`: where to look, a letter each, as ares_init_options(3) has them.
Lookup::Channel Lookup::open_channel(const char* lookups) {
  std::string letters = lookups;
  ares_options options{};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = first_patience_ms;
  options.tries = tries;
  options.ndomains = 0;  // c-ares 1.18 does not heed ARES_FLAG_NOSEARCH here
  options.lookups = letters.data();
  options.sock_state_cb = on_socket_state;
  options.sock_state_cb_data = this;
  ares_channel channel = nullptr;
  const int status = ares_init_options(&channel, &options,
                                       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS |
                                           ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) settle(failure("{}: {}", name_, ares_strerror(status)));
  return Channel(channel);
}

// For both families at once: a name that stands there with one address has no other one.
void Lookup::look_into_hosts_file() {
  const Channel channel = open_channel("f");
  if (channel == nullptr) return;
  Question both{.lookup = this, .status = {}, .addresses = {}};
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  // Reading a file, it calls back before it returns.
  ares_getaddrinfo(channel.get(), name_.c_str(), nullptr, &hints, on_answer, &both);
  if (!both.addresses.empty()) settle(in_order_of_trying(both.addresses));
}

void Lookup::ask_servers() {
  channel_ = open_channel("b");
  if (channel_ == nullptr) return;
  if (!way_.servers.empty()) {
    std::vector<std::string> servers;
    for (const auto& server : way_.servers) servers.push_back(packet::SocketAddress{server, dns_port}.to_string());
    const std::string list = fmt::format("{}", fmt::join(servers, ","));
    if (const int status = ares_set_servers_ports_csv(channel_.get(), list.c_str()); status != ARES_SUCCESS) {
      return settle(failure("{}: DNS servers {}: {}", name_, list, ares_strerror(status)));
    }
    if (!way_.interface.empty()) ares_set_socket_configure_callback(channel_.get(), bind_to_interface, this);
  }
  // Not as one question for both: a server that is silent about one family would keep back what it says of the other.
  constexpr std::array<int, 2> families = {AF_INET6, AF_INET};
  for (std::size_t i = 0; i < families.size(); ++i) {
    ares_addrinfo_hints hints{};
    hints.ai_family = families[i];
    hints.ai_flags = ARES_AI_NOSORT;  // which of ours would be its source is asked of the wrong routes
    ares_getaddrinfo(channel_.get(), name_.c_str(), nullptr, &hints, on_answer, &questions_[i]);
  }
  review();
}

void Lookup::on_socket_state(void* lookup, ares_socket_t socket, int readable, int writable) {
  using Interest = io::EventLoop::Interest;
  Lookup& self = *static_cast<Lookup*>(lookup);
  if (readable == 0 && writable == 0) {
    self.watched_.erase(socket);
    return self.loop_.forget(socket);
  }
  const Interest interest = writable == 0 ? Interest::read : readable == 0 ? Interest::write : Interest::read_write;
  if (!self.watched_.insert(socket).second) return self.loop_.change(socket, interest);
  // A socket that can't be watched is as one that nobody answers on.
  if (!self.loop_.watch(socket, interest, [&self, socket] { self.process(socket); })) self.watched_.erase(socket);
}

// Unlike ares_set_local_dev() it does not go on without: the question would leave by another link.
int Lookup::bind_to_interface(ares_socket_t socket, int /*type*/, void* lookup) {
  const std::string& interface = static_cast<Lookup*>(lookup)->way_.interface;
  return setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.data(), static_cast<socklen_t>(interface.size()));
}

void Lookup::on_answer(void* question, int status, int /*timeouts*/, ares_addrinfo* found) {
  if (status == ARES_EDESTRUCTION) return;  // and so is what would hear of it
  Question& self = *static_cast<Question*>(question);
  self.status = status;
  if (found == nullptr) return;
  for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
    const auto address = address_of(node->ai_addr);
    if (address && can_be_sent_to(*address)) self.addresses.push_back(*address);
  }
  ares_freeaddrinfo(found);
  Lookup& lookup = *self.lookup;
  if (!self.addresses.empty()) {
    lookup.deadline_ = std::min(lookup.deadline_, lookup.loop_.now() + patience_with_other_family);
  }
}

void Lookup::process(ares_socket_t socket) {
  ares_process_fd(channel_.get(), socket, socket);
  review();
}

void Lookup::on_timer() { process(ARES_SOCKET_BAD); }

void Lookup::review() {
  if (settled()) return;
  const auto answered = [](const Question& question) { return question.status.has_value(); };
  if (std::ranges::all_of(questions_, answered) || loop_.now() >= deadline_) {
    std::vector<packet::Address> found;
    for (const Question& question : questions_) {
      found.insert(found.end(), question.addresses.begin(), question.addresses.end());
    }
    if (found.empty()) return settle(failure("{}: {}", name_, why_nothing()));
    return settle(in_order_of_trying(found));
  }
  timeval left{};
  Instant next = deadline_;
  if (ares_timeout(channel_.get(), nullptr, &left) != nullptr) {
    const Duration wait = std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    next = std::min(next, loop_.now() + wait + milliseconds(1));  // its own clock is rounded
  }
  timers_.set(timer_, next);
}

void Lookup::settle(Result<std::vector<packet::Address>> answer) {
  timers_.set(timer_, never);
  answer_ = std::move(answer);
  on_settled_();
}

std::string Lookup::why_nothing() const {
  const auto any = [&](int status) {
    return std::ranges::any_of(questions_, [&](const Question& one) { return one.status == status; });
  };
  if (any(ARES_ENOTFOUND)) return "no such name";
  int worst = ARES_SUCCESS;
  for (const Question& question : questions_) {
    const int status = question.status.value_or(ARES_ETIMEOUT);
    if (status != ARES_SUCCESS && status != ARES_ENODATA) worst = status;
  }
  const std::string whom = in_words(way_);
  switch (worst) {
    case ARES_SUCCESS: return "the name has no address";
    case ARES_ETIMEOUT: return fmt::format("no DNS server answers ({})", whom);
    // c-ares 1.18 says the first of all these.
    case ARES_ECONNREFUSED:
    case ARES_ESERVFAIL:
    case ARES_EREFUSED:
    case ARES_ENOTIMP: return fmt::format("the DNS servers can't be reached, or fail ({})", whom);
    case ARES_EBADRESP:
    case ARES_EFORMERR: return fmt::format("what the DNS server answers makes no sense ({})", whom);
    default: return fmt::format("{} ({})", ares_strerror(worst), whom);
  }
}

}  // namespace mpquic::dns
