#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/timers.h"
#include "daemon/node.h"
#include "policy/keeper.h"
#include "policy/watch.h"
#include "system/link_monitor.h"

namespace mpquic::daemon {

/// Keeps devices, addresses, routes, rules, nftables and sysctls as the configuration wants them for as long as the
/// node runs, whatever happens to links, tunnels and to what it made. On the control thread.
class KernelState {
 public:
  /// Has applied what it can by then.
  static Result<std::unique_ptr<KernelState>> create(const config::Configuration& configuration,
                                                     const ControlTools& tools);
  ~KernelState();
  KernelState(const KernelState&) = delete;
  KernelState& operator=(const KernelState&) = delete;

  /// A client's tunnel can carry packets, or can't any more; at a server: to this client.
  void set_up(const std::string& tunnel, const std::string& client, bool up);
  /// What the server has given to a client's tunnel from now on.
  void hand_out(const std::string& tunnel, const policy::HandedOut& given);
  /// After an error everything is as it was before.
  Result<void> reconfigure(const config::Configuration& configuration);
  /// Takes everything back.
  void remove();

 private:
  KernelState(const config::Configuration& configuration, const ControlTools& tools, policy::Keeper keeper,
              system::LinkMonitor links, policy::Watch watch);
  Result<void> watch_events();
  policy::Plan plan();
  void check_at(Instant when);
  void check();
  void look_at_leases();
  Result<void> settle();
  void failed(const Error& error);
  void note(const policy::Plan& applied);
  void report(const policy::Plan& plan);

  config::Configuration configuration_;
  ControlTools tools_;
  policy::Keeper keeper_;
  system::LinkMonitor links_;
  policy::Watch watch_;
  Timer timer_;
  Timer lease_timer_;
  Instant check_at_ = never;
  std::map<std::pair<std::string, std::string>, Instant> up_until_;  ///< of a tunnel and, at a server, a client
  std::map<std::string, policy::HandedOut> handed_out_;              ///< by tunnel
  policy::Plan tried_;                                               ///< last
  bool suspicious_ = false;        ///< something has happened that may have been to what is ours
  std::string failure_;            ///< of the last attempt; told once
  Instant retry_at_ = never;       ///< after a failure
  std::set<std::string> waiting_;  ///< told once
  bool removed_ = false;
};

}  // namespace mpquic::daemon
