#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/timers.h"
#include "io/event_loop.h"
#include "packet/address.h"

namespace mpquic::dns {

/// Whom to ask, and over what.
struct Way {
  std::string interface;                 ///< what the questions leave by; empty: whatever leads to the servers
  std::vector<packet::Address> servers;  ///< empty: those of /etc/resolv.conf, over whatever leads to them
};

class Lookup;

/// Looks up the addresses of host names and waits for none of them: on one thread, in its event loop. /etc/hosts comes
/// first, as everywhere. A name is asked for as it stands: the search domains of /etc/resolv.conf do not count.
class Resolver {
 public:
  /// The addresses in the order in which to try them, never none; or why there are none, the name being in it.
  using Done = std::function<void(Result<std::vector<packet::Address>>)>;

  Resolver(io::EventLoop& loop, Timers& timers);
  /// Nobody hears of what is still under way.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// `done` comes once, within about five seconds, and never from within this call. It may ask for another name.
  void resolve(const std::string& name, const Way& way, Done done);

 private:
  void deliver();

  io::EventLoop& loop_;
  Timers& timers_;
  Timer delivery_;
  std::vector<std::unique_ptr<Lookup>> lookups_;
};

/// The families taking turns, IPv6 first; within each the order stays (RFC 8305, section 4). Doubled ones go.
std::vector<packet::Address> in_order_of_trying(const std::vector<packet::Address>& addresses);

}  // namespace mpquic::dns
