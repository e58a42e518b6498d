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
  if (auto settled = state->settle(); !settled) {
    state->remove();  // the first passes may have been made
    return std::unexpected(settled.error());
  }
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
    const auto changed = links_.read();
    if (!changed) log::warning("watching interfaces: {}", changed.error().message);
    // What comes after a failure is our own doing: it is tried again in its time.
    suspicious_ |= (!changed || !changed->empty()) && failure_.empty();
    check_at(tools_.loop.now() + flock);
  };
  const auto on_events = [this] {
    const auto worth_a_look = watch_.read();
    if (!worth_a_look) log::warning("watching routes and nftables: {}", worth_a_look.error().message);
    if ((worth_a_look && !*worth_a_look) || !failure_.empty()) return;
    suspicious_ = true;
    check_at(tools_.loop.now() + flock);
  };
  using Interest = io::EventLoop::Interest;
  if (auto watched = tools_.loop.watch(links_.fd(), Interest::read, on_links); !watched) return watched;
  if (auto watched = tools_.loop.watch(watch_.routing_fd(), Interest::read, on_events); !watched) return watched;
  return tools_.loop.watch(watch_.nftables_fd(), Interest::read, on_events);
}

policy::Plan KernelState::plan() {
  const auto is_up = [this](const std::string& tunnel, const std::string& client) {
    const auto known = up_until_.find({tunnel, client});
    return known != up_until_.end() && known->second > tools_.loop.now();
  };
  const auto given_to = [this](const std::string& tunnel) {
    const auto known = handed_out_.find(tunnel);
    return known == handed_out_.end() ? policy::HandedOut() : known->second;
  };
  return policy::make_plan(configuration_, policy::surroundings(keeper_, links_.table(), is_up, given_to));
}

void KernelState::hand_out(const std::string& tunnel, const policy::HandedOut& given) {
  handed_out_[tunnel] = given;
  check_at(tools_.loop.now());
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
  const Instant now = tools_.loop.now();
  check_at_ = never;
  for (const auto& [tunnel, until] : up_until_) {
    if (until > now) check_at(until);  // when it counts as down
  }
  if (retry_at_ > now) check_at(retry_at_);
  const policy::Plan wanted = plan();
  const bool another = wanted != tried_;
  if (!another && !suspicious_ && now < retry_at_) return;
  std::string_view meddled;
  if (retry_at_ == never) {
    using policy::Disturbed;
    suspicious_ = false;
    const Disturbed disturbed = keeper_.disturbed().value_or(Disturbed::others);
    if (!another && disturbed == Disturbed::nothing) return;
    // What goes with an interface makes another plan: nobody has meddled.
    const bool by_us = disturbed == Disturbed::devices ? wanted.devices != tried_.devices : another;
    if (!by_us) meddled = policy::in_words(disturbed);
  }
  tried_ = wanted;
  if (auto applied = keeper_.apply(wanted); !applied) return failed(applied.error());
  if (!meddled.empty()) log::info("somebody has changed {} of mpquic: they are as they were", meddled);
  note(wanted);
}

void KernelState::failed(const Error& error) {
  if (error.message != failure_) log::warning("kernel state: {}", error.message);
  failure_ = error.message;
  retry_at_ = tools_.loop.now() + try_again;
  check_at(retry_at_);
}

void KernelState::note(const policy::Plan& applied) {
  failure_.clear();
  suspicious_ = false;
  retry_at_ = never;
  tried_ = applied;
  report(applied);
  tools_.timers.set(lease_timer_, applied.depends_on_leases ? tools_.loop.now() + lease_interval : never);
}

void KernelState::look_at_leases() {
  tools_.timers.set(lease_timer_, tools_.loop.now() + lease_interval);
  if (plan() != tried_) check();
}

Result<void> KernelState::reconfigure(const config::Configuration& configuration) {
  config::Configuration before = std::exchange(configuration_, configuration);
  auto settled = settle();
  if (!settled) {
    configuration_ = std::move(before);
    tried_ = {};
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
