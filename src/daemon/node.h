#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "control/status.h"
#include "daemon/worker.h"
#include "policy/handed_out.h"

namespace mpquic::daemon {

/// What a node does as client or as server. On the control thread.
class Role {
 public:
  virtual ~Role() = default;
  /// Asks the workers; `done` is called on the control thread when all have answered.
  virtual void collect(std::function<void(control::NodeStatus)> done) = 0;
  /// How it is, in a few words, as the control thread knows it: "2 of 3 tunnels up".
  virtual std::string summary() const = 0;
  /// Says goodbye to the other ends and takes everything off the workers. `done` is called on the control thread when
  /// the last letter for that is on its way: the workers may be stopped then, and not before.
  virtual void stop(std::function<void()> done) = 0;
  /// Readies a configuration of which config::needs_restart() has nothing to say. All that can fail is behind us when
  /// it returns; what it returns changes over.
  virtual Result<std::function<void()>> prepare(const config::Configuration& next) = 0;
};

/// The control thread's own tools, which a role uses.
struct ControlTools {
  io::EventLoop& loop;
  Timers& timers;
  /// For workers: runs a letter on the control thread.
  std::function<void(io::Mailbox::Letter)> post;
  std::vector<Worker*> workers;
  /// From any thread: a client's tunnel can carry packets, or can't any more; at a server: to this client.
  std::function<void(const std::string& tunnel, const std::string& client, bool up)> tunnel_is_up;
  /// From any thread: a server has given this to a client's tunnel, in place of what it gave before.
  std::function<void(const std::string& tunnel, policy::HandedOut given)> hand_out;
  /// From any thread: the node can't go on, for this reason.
  std::function<void(std::string)> fail;
};

Result<std::unique_ptr<Role>> make_client(const config::Configuration& configuration, const ControlTools& tools);
Result<std::unique_ptr<Role>> make_server(const config::Configuration& configuration, const ControlTools& tools);

/// Runs the node until SIGTERM or SIGINT. Returns when everything is taken down again. SIGHUP has it read its file
/// anew: either all of it is taken up or, with the reason in the log, nothing.
Result<void> run(const config::Configuration& configuration);

}  // namespace mpquic::daemon
