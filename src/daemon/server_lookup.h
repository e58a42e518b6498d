#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/timers.h"
#include "daemon/client_link.h"
#include "daemon/node.h"
#include "dns/resolver.h"

namespace mpquic::daemon {

/// The addresses of a server's name as they are seen over one link, for all tunnels to it: looked up when the link can
/// be used, and anew when one of them asks. On the control thread.
class ServerLookup {
 public:
  struct Subject {
    std::string host;
    std::string link;
    std::function<dns::Way()> way;    ///< to ask by, as it is at the moment
    std::function<void()> on_change;  ///< of addresses() or of obstacle()
  };

  ServerLookup(const ControlTools& tools, dns::Resolver& resolver, Subject subject);

  /// The link as it is: another one is asked over at once.
  void follow(const LinkView& link);
  /// The addresses may be wrong by now: they are looked up anew, though not within a few seconds of the last time.
  void look_up();

  /// In the order in which to try them. What a look-up has found stays until another one finds something else: a DNS
  /// server that fails says nothing about the server.
  const std::vector<packet::Address>& addresses() const { return addresses_; }
  /// Why there are none.
  const std::string& obstacle() const { return obstacle_; }

 private:
  void ask();
  void on_answer(const Result<std::vector<packet::Address>>& answer);
  void on_failure(const std::string& reason);

  ControlTools tools_;
  dns::Resolver& resolver_;
  Subject subject_;
  LinkView link_;
  Timer timer_;
  Instant not_before_{};
  Duration pause_;  ///< before the next try, as long as nothing was found
  bool asking_ = false;
  std::uint64_t round_ = 0;  ///< answers to earlier ones come too late
  std::vector<packet::Address> addresses_;
  std::string obstacle_;
  std::string told_;  ///< the last failure, which is logged once
};

}  // namespace mpquic::daemon
