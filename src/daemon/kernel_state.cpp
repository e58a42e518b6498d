#include "daemon/kernel_state.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "policy/settle.h"
#include "policy/surroundings.h"

namespace mpquic::daemon {
namespace {

// Events come in flocks: one look at the kernel for all of them.
constexpr Duration flock = std::chrono::milliseconds(20);
// A tunnel that is back so soon was not missed: its routes stay.
constexpr Duration down_for_good = std::chrono::milliseconds(500);
constexpr Duration try_again = std::chrono::seconds(5);
constexpr Duration lease_interval = std::chrono::seconds(1);

}  // namespace

KernelState::KernelState(const config::Configuration& configuration, const ControlTools& tools, policy::Keeper keeper,
                         system::LinkMonitor links, policy::Watch watch)
    : configuration_(configuration),
      tools_(tools),
      keeper_(std::move(keeper)),
      links_(std::move(links)),
      watch_(std::move(watch)),
      timer_([this] { check(); }),
      lease_timer_([this] { look_at_leases(); }) {}

KernelState::~KernelState() {
  for (const int fd : {links_.fd(), watch_.routing_fd(), watch_.nftables_fd()}) tools_.loop.forget(fd);
}

Result<std::unique_ptr<KernelState>> KernelState::create(const config::Configuration& configuration,
                                                         const ControlTools& tools) {
  auto keeper = policy::Keeper::open(configuration.name, policy::Keeper::Intent::change);
  if (!keeper) return std::unexpected(keeper.error());
  const auto names = policy::interfaces_of(configuration);
  auto links = system::LinkMonitor::open({names.begin(), names.end()});
  if (!links) return std::unexpected(links.error());
  auto watch = policy::Watch::open();
  if (!watch) return std::unexpected(watch.error());
  std::unique_ptr<KernelState> state(
      new KernelState(configuration, tools, std::move(*keeper), std::move(*links), std::move(*watch)));
  if (auto watched = state->watch_events(); !watched) return std::unexpected(watched.error());
  if (auto settled = state->settle(); !settled) return std::unexpected(settled.error());
  return state;
}

Result<void> KernelState::settle() {
  const auto applied = policy::settle(keeper_, [this]() -> Result<policy::Plan> {
    if (auto read = links_.read(); !read) return std::unexpected(read.error());
    return plan();
  });
  if (!applied) return std::unexpected(applied.error());
  note(*applied);
  return {};
}

Result<void> KernelState::watch_events() {
  const auto on_links = [this] {
    if (const auto read = links_.read(); !read) log::warning("watching interfaces: {}", read.error().message);
    check_at(tools_.loop.now() + flock);
  };
  const auto on_events = [this] {
    const auto worth_a_look = watch_.read();
    if (!worth_a_look) log::warning("watching routes and nftables: {}", worth_a_look.error().message);
    if (!worth_a_look || *worth_a_look) check_at(tools_.loop.now() + flock);
  };
  using Interest = io::EventLoop::Interest;
  if (auto watched = tools_.loop.watch(links_.fd(), Interest::read, on_links); !watched) return watched;
  if (auto watched = tools_.loop.watch(watch_.routing_fd(), Interest::read, on_events); !watched) return watched;
  return tools_.loop.watch(watch_.nftables_fd(), Interest::read, on_events);
}

policy::Plan KernelState::plan() {
  return policy::make_plan(
      configuration_, policy::surroundings(keeper_, links_.table(), [this](const auto& tunnel, const auto& client) {
        const auto known = up_until_.find({tunnel, client});
        return known != up_until_.end() && known->second > tools_.loop.now();
      }));
}

void KernelState::set_up(const std::string& tunnel, const std::string& client, bool up) {
  const Instant now = tools_.loop.now();
  up_until_[{tunnel, client}] = up ? never : now + down_for_good;
  check_at(up ? now : now + down_for_good);
}

void KernelState::check_at(Instant when) {
  if (removed_ || when >= check_at_) return;
  check_at_ = when;
  tools_.timers.set(timer_, when);
}

void KernelState::check() {
  check_at_ = never;
  const policy::Plan wanted = plan();
  const auto disturbed = keeper_.disturbed();
  if (disturbed && *disturbed == policy::Disturbed::nothing && wanted == applied_) return;
  // What goes with an interface makes another plan: nobody has meddled.
  if (disturbed && *disturbed == policy::Disturbed::devices && wanted.devices == applied_.devices) {
    log::info("somebody has changed VLANs or addresses of mpquic: putting them back");
  }
  if (disturbed && *disturbed == policy::Disturbed::others && wanted == applied_) {
    log::info("somebody has changed routes, rules or nftables of mpquic: putting them back");
  }
  if (auto applied = keeper_.apply(wanted); !applied) {
    if (applied.error().message != failure_) log::warning("kernel state: {}", applied.error().message);
    failure_ = applied.error().message;
    return check_at(tools_.loop.now() + try_again);
  }
  note(wanted);
}

void KernelState::note(const policy::Plan& applied) {
  failure_.clear();
  applied_ = applied;
  report(applied);
  tools_.timers.set(lease_timer_, applied.depends_on_leases ? tools_.loop.now() + lease_interval : never);
}

void KernelState::look_at_leases() {
  tools_.timers.set(lease_timer_, tools_.loop.now() + lease_interval);
  if (plan() != applied_) check();
}

Result<void> KernelState::reconfigure(const config::Configuration& configuration) {
  config::Configuration before = std::exchange(configuration_, configuration);
  auto settled = settle();
  if (!settled) {
    configuration_ = std::move(before);
    check_at(tools_.loop.now());  // the first passes may have been made
  }
  return settled;
}

void KernelState::report(const policy::Plan& plan) {
  const std::set<std::string> waiting(plan.waiting.begin(), plan.waiting.end());
  for (const std::string& line : waiting) {
    if (!waiting_.contains(line)) log::info("waiting: {}", line);
  }
  waiting_ = waiting;
}

void KernelState::remove() {
  removed_ = true;
  if (auto done = keeper_.remove(); !done) log::error("kernel state: {}", done.error().message);
}

}  // namespace mpquic::daemon
