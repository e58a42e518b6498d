#include "daemon/node.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "config/load.h"
#include "config/reload.h"
#include "control/control_socket.h"
#include "daemon/kernel_state.h"
#include "daemon/watchdog.h"

namespace mpquic::daemon {
namespace {

using Interest = io::EventLoop::Interest;

// More workers than this would mostly hand packets to each other.
constexpr unsigned most_automatic_workers = 8;
constexpr Duration kernel_state_interval = std::chrono::seconds(5);

unsigned worker_count(const config::Configuration& configuration) {
  if (configuration.workers) return *configuration.workers;
  unsigned count = std::clamp(std::thread::hardware_concurrency(), 1U, most_automatic_workers);
  // A tunnel lives on one worker.
  if (const auto* client = configuration.client()) {
    count = std::min(count, static_cast<unsigned>(client->tunnels.size()));
  }
  return std::max(count, 1U);
}

/// Signals as something readable; no thread is interrupted by them.
Result<Fd> watched_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return os_failure("sigprocmask");
  Fd fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return os_failure("signalfd");
  return fd;
}

/// The control thread: what everything else hangs on, in the order in which it is taken down.
class Node {
 public:
  static Result<std::unique_ptr<Node>> create(const config::Configuration& configuration);
  /// Error: what kept it from going on.
  Result<void> run();

 private:
  Node(const config::Configuration& configuration, io::EventLoop loop, std::unique_ptr<io::Mailbox> mailbox,
       control::ControlSocket control, Fd signals);
  Result<void> start();
  Result<void> keep_kernel_state(const config::Configuration& configuration);
  void on_signal();
  void reload();
  Result<void> take_up(const config::Configuration& next);
  void on_request(const control::ControlRequest& request);
  void turn();
  void fail(std::string reason);

  config::Configuration configuration_;
  std::int64_t started_ = std::time(nullptr);
  io::EventLoop loop_;
  std::unique_ptr<io::Mailbox> mailbox_;
  control::ControlSocket control_;
  Fd signals_;
  Timers timers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Role> role_;
  std::optional<ControlTools> tools_;
  std::unique_ptr<KernelState> kernel_state_;  ///< nullptr: could not be set up, and the node does without for now
  Timer kernel_state_retry_;
  std::string no_kernel_state_;                             ///< why; told once
  std::map<std::pair<std::string, std::string>, bool> up_;  ///< tunnels and, at a server, clients
  std::map<std::string, policy::HandedOut> handed_out_;     ///< to tunnels, by their servers
  system::ServiceManager service_manager_;
  std::unique_ptr<Watchdog> watchdog_;
  bool stopping_ = false;
  bool stopped_ = false;  ///< the workers too
  std::optional<std::string> failure_;
};

Node::Node(const config::Configuration& configuration, io::EventLoop loop, std::unique_ptr<io::Mailbox> mailbox,
           control::ControlSocket control, Fd signals)
    : configuration_(configuration),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      control_(std::move(control)),
      signals_(std::move(signals)),
      kernel_state_retry_([this] {
        if (kernel_state_) return;
        if (const auto kept = keep_kernel_state(configuration_); !kept) log::error("{}", kept.error().message);
      }) {}

Result<std::unique_ptr<Node>> Node::create(const config::Configuration& configuration) {
  auto loop = io::EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  auto mailbox = io::Mailbox::create();
  if (!mailbox) return std::unexpected(mailbox.error());
  auto signals = watched_signals();
  if (!signals) return std::unexpected(signals.error());
  auto control = control::ControlSocket::open(configuration.control);
  if (!control) return std::unexpected(control.error());
  std::unique_ptr<Node> node(
      new Node(configuration, std::move(*loop), std::move(*mailbox), std::move(*control), std::move(*signals)));
  if (auto started = node->start(); !started) return std::unexpected(started.error());
  return node;
}

Result<void> Node::start() {
  const auto on_control = [this] {
    control_.on_readable(loop_.now(), [this](const control::ControlRequest& request) { on_request(request); });
  };
  if (auto watched = loop_.watch(mailbox_->fd(), Interest::read, [this] { mailbox_->run(); }); !watched) return watched;
  if (auto watched = loop_.watch(signals_.get(), Interest::read, [this] { on_signal(); }); !watched) return watched;
  if (auto watched = loop_.watch(control_.fd(), Interest::read, on_control); !watched) return watched;

  ControlTools tools{loop_,
                     timers_,
                     [this](io::Mailbox::Letter letter) { mailbox_->post(std::move(letter)); },
                     {},
                     [this](const std::string& tunnel, const std::string& client, bool up) {
                       mailbox_->post([this, tunnel, client, up] {
                         up_[{tunnel, client}] = up;
                         if (kernel_state_) kernel_state_->set_up(tunnel, client, up);
                       });
                     },
                     [this](const std::string& tunnel, policy::HandedOut given) {
                       mailbox_->post([this, tunnel, given = std::move(given)] {
                         handed_out_[tunnel] = given;
                         if (kernel_state_) kernel_state_->hand_out(tunnel, given);
                       });
                     },
                     [this](const std::string& reason) { mailbox_->post([this, reason] { fail(reason); }); }};
  for (unsigned i = 0; i < worker_count(configuration_); ++i) {
    auto worker = Worker::create(i);
    if (!worker) return std::unexpected(worker.error());
    workers_.push_back(std::move(*worker));
    tools.workers.push_back(workers_.back().get());
  }
  auto role =
      configuration_.client() != nullptr ? make_client(configuration_, tools) : make_server(configuration_, tools);
  if (!role) return std::unexpected(role.error());
  role_ = std::move(*role);
  tools_.emplace(std::move(tools));
  if (auto kept = keep_kernel_state(configuration_); !kept) return kept;
  for (const auto& worker : workers_) worker->start();
  watchdog_ = std::make_unique<Watchdog>(service_manager_, *tools_, [this] { return role_->summary(); });
  return {};
}

Result<void> Node::keep_kernel_state(const config::Configuration& configuration) {
  auto kernel_state = KernelState::create(configuration, *tools_);
  if (kernel_state) {
    kernel_state_ = std::move(*kernel_state);
    for (const auto& [tunnel, given] : handed_out_) kernel_state_->hand_out(tunnel, given);
    for (const auto& [tunnel, up] : up_) kernel_state_->set_up(tunnel.first, tunnel.second, up);
    return {};
  }
  if (policy::is_essential(configuration)) return std::unexpected(kernel_state.error());
  if (std::string reason = kernel_state.error().message; reason != no_kernel_state_) {
    log::warning("links and tunnels have no routing tables of their own: {}", reason);
    no_kernel_state_ = std::move(reason);
  }
  timers_.set(kernel_state_retry_, loop_.now() + kernel_state_interval);
  return {};
}

void Node::on_signal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) return;
  if (info.ssi_signo != SIGHUP) {
    stopping_ = true;
  } else if (!stopping_) {
    service_manager_.reloading();
    reload();
    service_manager_.ready(role_->summary());
  }
}

void Node::reload() {
  const std::filesystem::path& file = configuration_.file;
  const auto in_file = [&](const config::Problem& problem) { return config::to_string(file, problem); };
  const auto loaded = config::load(file, std::chrono::system_clock::now());
  auto problems = loaded ? config::needs_restart(configuration_, loaded->configuration) : loaded.error();
  for (const auto& problem : problems) log::error("{}", in_file(problem));
  if (!problems.empty()) return log::error("{}: stays with the configuration that it has", configuration_.name);
  for (const auto& warning : loaded->warnings) log::warning("{}", in_file(warning));
  if (auto taken = take_up(loaded->configuration); !taken) {
    return log::error("{}: stays with the configuration that it has: {}", configuration_.name, taken.error().message);
  }
  log::info("{} has taken up {}", configuration_.name, file.string());
  log::set_level(configuration_.log_level);
}

Result<void> Node::take_up(const config::Configuration& next) {
  auto change_over = role_->prepare(next);
  if (!change_over) return std::unexpected(change_over.error());
  auto kept = kernel_state_ ? kernel_state_->reconfigure(next) : keep_kernel_state(next);
  if (!kept) return kept;
  (*change_over)();
  configuration_ = next;
  return {};
}

void Node::on_request(const control::ControlRequest& request) {
  if (request.line() != "status") return request.refuse("unknown request");
  role_->collect([this, request](control::NodeStatus status) {
    status.instance = configuration_.name;
    status.version = MPQUIC_VERSION;
    status.pid = getpid();
    status.started = started_;
    status.workers = workers_.size();
    request.reply(control::to_text(status));
  });
}

void Node::turn() {
  loop_.turn(std::min(timers_.next(), control_.deadline()));
  timers_.run(loop_.now());
  control_.on_deadline(loop_.now());
}

void Node::fail(std::string reason) {
  if (!failure_) failure_ = std::move(reason);
  stopping_ = true;
}

Result<void> Node::run() {
  log::info("{} runs, version {}, workers: {}", configuration_.name, MPQUIC_VERSION, workers_.size());
  service_manager_.ready(role_->summary());
  while (!stopping_) turn();
  watchdog_->stop();
  service_manager_.stopping();
  loop_.forget(control_.fd());
  timers_.set(kernel_state_retry_, never);
  if (kernel_state_) kernel_state_->remove();
  kernel_state_.reset();
  std::thread farewell;
  role_->stop([this, &farewell] {
    // What the workers still have to say is heard until they are done.
    farewell = std::thread([this] {
      for (const auto& worker : workers_) worker->stop();
      mailbox_->post([this] { stopped_ = true; });
    });
  });
  while (!stopped_) turn();
  farewell.join();
  role_.reset();
  log::info("{} has stopped", configuration_.name);
  if (failure_) return failure("{}", *failure_);
  return {};
}

}  // namespace

Result<void> run(const config::Configuration& configuration) {
  signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more is no reason to stop
  auto node = Node::create(configuration);
  if (!node) return std::unexpected(node.error());
  return (*node)->run();
}

}  // namespace mpquic::daemon
