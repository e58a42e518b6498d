// linkem: a link emulator between two network interfaces, for kernels without netem. README.md of lab/ says how to use
// it.

#include <fmt/format.h>
#include <sched.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "control.h"
#include "emulator.h"

namespace {

int fail(const mpquic::Error& error) {
  fmt::print(stderr, "linkem: {}\n", error.message);
  return 1;
}

// Packets must leave in time on a machine whose every core is busy: with two busy loops beside it, 99 % of 100 Mbit/s
// left within 0.2 ms of their time in this class, and within 16 ms in the ordinary one. Without the right to it, the
// emulator works all the same.
void claim_priority() {
  const sched_param lowest{.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &lowest);
}

int emulate(const linkem::Setup& setup) {
  claim_priority();
  auto emulator = linkem::Emulator::open(setup);
  if (!emulator) return fail(emulator.error());
  if (auto ran = (*emulator)->run(); !ran) return fail(ran.error());
  fmt::print("{}\n", (*emulator)->statistics());
  return 0;
}

int send_command(const std::string& path, const std::vector<std::string>& words) {
  const auto reply = linkem::ask(path, fmt::format("{}", fmt::join(words, " ")));
  if (!reply) return fail(reply.error());
  fmt::print("{}\n", *reply);
  return reply->starts_with("error:") ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Emulates a link between two network interfaces"};
  linkem::Setup setup;
  app.add_option("--left", setup.left, "one interface");
  app.add_option("--right", setup.right, "the other interface");
  app.add_option("--to-right", setup.to_right, "what happens from left to right: KEY=VALUE,...");
  app.add_option("--to-left", setup.to_left, "what happens from right to left");
  app.add_option("--seed", setup.seed, "of everything left to chance")->capture_default_str();
  app.add_option("--control", setup.control, "path of the control socket");

  CLI::App* ctl = app.add_subcommand("ctl", "Talks to a running emulator");
  std::string path;
  std::vector<std::string> words;
  ctl->add_option("path", path, "its control socket")->required();
  ctl->add_option("command", words, "stats | cut [WHERE] | heal [WHERE] | set WHERE KEY=VALUE,...")->required();

  try {
    app.parse(argc, argv);
    if (!*ctl && (setup.left.empty() || setup.right.empty())) throw CLI::RequiredError("--left and --right");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return *ctl ? send_command(path, words) : emulate(setup);
}
