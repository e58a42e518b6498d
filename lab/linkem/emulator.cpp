#include "emulator.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace linkem {
namespace {

using mpquic::Clock;
using mpquic::failure;
using mpquic::os_failure;

// Tells the generators of the two directions apart that one seed feeds.
constexpr std::uint64_t other_direction = 0x9e3779b97f4a7c15;

mpquic::Result<mpquic::Fd> catch_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return os_failure("block signals");
  mpquic::Fd fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return os_failure("signalfd");
  return fd;
}

// While packets flow, being woken for each of them would cost more than moving them. The kernel notes when each came,
// so a pause delays only those that are due at once.
constexpr mpquic::Duration pause = std::chrono::microseconds(50);

std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \n"), text.size()));
  const auto word = text.substr(0, text.find_first_of(" \n"));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

mpquic::Result<std::unique_ptr<Emulator>> Emulator::open(const Setup& setup) {
  auto signals = catch_signals();
  if (!signals) return std::unexpected(signals.error());
  auto to_right = amend({}, setup.to_right);
  if (!to_right) return failure("to-right: {}", to_right.error().message);
  auto to_left = amend({}, setup.to_left);
  if (!to_left) return failure("to-left: {}", to_left.error().message);
  auto left = Port::open(setup.left);
  if (!left) return std::unexpected(left.error());
  auto right = Port::open(setup.right);
  if (!right) return std::unexpected(right.error());

  std::unique_ptr<Emulator> emulator(
      new Emulator(std::move(*left), std::move(*right), *to_right, *to_left, setup.seed));
  emulator->signals_ = std::move(*signals);
  // Last: whoever sees the control socket may count on everything else being ready.
  if (!setup.control.empty()) {
    auto control = ControlSocket::listen(setup.control);
    if (!control) return std::unexpected(control.error());
    emulator->control_ = std::move(*control);
    emulator->has_control_ = true;
  }
  return emulator;
}

Emulator::Emulator(Port left, Port right, const Parameters& to_right, const Parameters& to_left, std::uint64_t seed)
    : left_(std::move(left)),
      right_(std::move(right)),
      to_right_(left_, right_, to_right, seed),
      to_left_(right_, left_, to_left, seed ^ other_direction) {}

mpquic::Result<void> Emulator::run() {
  while (!stopping_) {
    const Instant now = Clock::now();
    left_.synchronise(now);
    right_.synchronise(now);
    const std::size_t received = to_right_.receive(now) + to_left_.receive(now);
    const std::size_t sent = to_right_.send_due() + to_left_.send_due();
    const Instant next = std::min(to_right_.deadline(), to_left_.deadline());
    const bool busy = received + sent > 0;
    if (auto waited = busy ? wait(Clock::now() + pause, false) : wait(next, true); !waited) return waited;
  }
  return {};
}

mpquic::Result<void> Emulator::wait(Instant until, bool for_packets) {
  // poll passes over negative descriptors.
  std::vector<pollfd> fds{{for_packets ? left_.fd() : -1, POLLIN, 0},
                          {for_packets ? right_.fd() : -1, POLLIN, 0},
                          {signals_.get(), POLLIN, 0}};
  if (has_control_) {
    for (const int fd : control_.fds()) fds.push_back({fd, POLLIN, 0});
  }
  const Duration left = std::clamp<Duration>(until - Clock::now(), Duration{}, std::chrono::hours(1));
  const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
  if (ppoll(fds.data(), fds.size(), &timeout, nullptr) < 0 && errno != EINTR) return os_failure("poll");

  if ((fds[0].revents & POLLERR) != 0) left_.clear_error();
  if ((fds[1].revents & POLLERR) != 0) right_.clear_error();
  if (fds[2].revents != 0) stopping_ = true;
  if (std::any_of(fds.begin() + 3, fds.end(), [](const pollfd& polled) { return polled.revents != 0; })) {
    control_.serve([this](std::string_view command) { return answer(command); });
  }
  return {};
}

std::string Emulator::answer(std::string_view command) {
  auto done = obey(command);
  return done ? *std::move(done) : "error: " + done.error().message;
}

mpquic::Result<std::string> Emulator::obey(std::string_view command) {
  const auto verb = next_word(command);
  if (verb == "stats") return statistics();
  const auto where = next_word(command);
  std::vector<Direction*> directions;
  if (where.empty() || where == "both" || where == "to-right") directions.push_back(&to_right_);
  if (where.empty() || where == "both" || where == "to-left") directions.push_back(&to_left_);
  if (directions.empty()) return failure("\"{}\" is neither to-right, to-left nor both", where);

  if (verb == "cut") {
    for (Direction* direction : directions) direction->cut();
  } else if (verb == "heal") {
    for (Direction* direction : directions) direction->heal();
  } else if (verb == "set") {
    const auto text = next_word(command);
    for (Direction* direction : directions) {
      auto parameters = amend(direction->parameters(), text);
      if (!parameters) return std::unexpected(parameters.error());
      direction->set(std::move(*parameters), Clock::now());
    }
  } else {
    return failure("\"{}\" is none of cut, heal, set, stats", verb);
  }
  return "ok";
}

std::string Emulator::statistics() {
  return nlohmann::json{{"to_right", to_right_.statistics()}, {"to_left", to_left_.statistics()}}.dump();
}

}  // namespace linkem
