#pragma once

#include <ares.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/handle.h"
#include "base/timers.h"
#include "dns/resolver.h"
#include "io/event_loop.h"

namespace mpquic::dns {

/// One name that is being looked up. It has a c-ares channel of its own, since each goes another way, and since a new
/// channel is what reads /etc/resolv.conf as it is now.
class Lookup {
 public:
  Lookup(io::EventLoop& loop, Timers& timers, std::string name, const Way& way, Resolver::Done done,
         std::function<void()> on_settled);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  bool settled() const { return answer_.has_value(); }
  /// Tells whoever asked.
  void deliver() { done_(std::move(*answer_)); }

 private:
  using Channel = std::unique_ptr<ares_channeldata, Deleter<ares_destroy>>;

  /// For addresses of one family.
  struct Question {
    Lookup* lookup = nullptr;
    std::optional<int> status;  ///< ARES_...; none yet
    std::vector<packet::Address> addresses;
  };

  static void on_socket_state(void* lookup, ares_socket_t socket, int readable, int writable);
  static int bind_to_interface(ares_socket_t socket, int type, void* lookup);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* found);

  Channel open_channel(const char* lookups);
  void look_into_hosts_file();
  void ask_servers();
  void process(ares_socket_t socket);
  void on_timer();
  void review();
  void settle(Result<std::vector<packet::Address>> answer);
  std::string why_nothing() const;

  io::EventLoop& loop_;
  Timers& timers_;
  std::string name_;
  Way way_;
  Resolver::Done done_;
  std::function<void()> on_settled_;
  Timer timer_;
  Instant deadline_;
  std::array<Question, 2> questions_;
  std::optional<Result<std::vector<packet::Address>>> answer_;
  std::set<ares_socket_t> watched_;
  Channel channel_;  ///< the last to be made: it calls back when it goes
};

}  // namespace mpquic::dns
