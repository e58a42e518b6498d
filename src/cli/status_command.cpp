#include "cli/status_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"
#include "control/query.h"
#include "control/status_table.h"

namespace mpquic::cli {
namespace {

constexpr auto run_directory = "/run/mpquic";
constexpr Duration answer_timeout = std::chrono::seconds(2);
constexpr Duration rate_interval = std::chrono::milliseconds(200);
constexpr Duration watch_interval = std::chrono::seconds(1);

struct StatusArguments {
  std::vector<std::string> names;
  bool json = false;
  bool watch = false;
};

struct Answer {
  std::filesystem::path path;
  Instant when;
  std::string text;  ///< as the node gave it: of a newer version, it may say more than `status` holds
  control::NodeStatus status;
};

struct Round {
  std::vector<Answer> answers;
  std::vector<std::string> errors;
};

/// All control sockets of this machine, sorted.
std::vector<std::filesystem::path> all_sockets() {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator at(run_directory, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".sock") paths.push_back(at->path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::vector<std::filesystem::path> wanted_sockets(const StatusArguments& arguments) {
  if (arguments.names.empty()) return all_sockets();
  std::vector<std::filesystem::path> paths;
  for (const std::string& name : arguments.names) {
    const bool is_path = name.find('/') != std::string::npos;
    paths.push_back(is_path ? std::filesystem::path(name) : std::filesystem::path(run_directory) / (name + ".sock"));
  }
  return paths;
}

Result<Answer> ask(const std::filesystem::path& path) {
  auto text = control::query(path, "status", answer_timeout);
  if (!text) return std::unexpected(text.error());
  auto status = control::parse_status(*text);
  if (!status) return failure("{}: {}", path.native(), status.error().message);
  return Answer{.path = path, .when = Clock::now(), .text = std::move(*text), .status = std::move(*status)};
}

Round ask_all(const std::vector<std::filesystem::path>& paths) {
  Round round;
  for (const auto& path : paths) {
    if (auto answer = ask(path)) {
      round.answers.push_back(std::move(*answer));
    } else {
      round.errors.push_back(answer.error().message);
    }
  }
  if (paths.empty()) round.errors.push_back(fmt::format("no mpquic runs here: {} has no *.sock", run_directory));
  return round;
}

std::string as_json(const Round& round) {
  std::string text;
  for (const Answer& answer : round.answers) text += (text.empty() ? "" : ",") + answer.text;
  return "[" + text + "]\n";
}

std::string as_tables(const Round& round, const Round& before) {
  const auto unix_now = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
  std::string text;
  for (const Answer& answer : round.answers) {
    if (!text.empty()) text += '\n';
    const auto past = std::ranges::find(before.answers, answer.path, &Answer::path);
    if (past == before.answers.end() || past->status.pid != answer.status.pid) {
      text += control::status_table(answer.status, unix_now);
    } else {
      const control::Earlier earlier{.status = past->status, .ago = answer.when - past->when};
      text += control::status_table(answer.status, unix_now, &earlier);
    }
  }
  return text;
}

void print(const std::string& text, const Round& round, bool clear_screen) {
  if (clear_screen) fmt::print("\033[H\033[2J");
  fmt::print("{}", text);
  std::fflush(stdout);
  for (const std::string& error : round.errors) fmt::print(stderr, "mpquic: {}\n", error);
}

int exit_status_of(const Round& round, const StatusArguments& arguments) {
  if (round.answers.empty()) return 1;
  return arguments.names.empty() || round.errors.empty() ? 0 : 1;
}

/// Once, or until a signal ends the program: nodes may come and go while it watches, but one must be there at first.
int run(const StatusArguments& arguments) {
  Round before = ask_all(wanted_sockets(arguments));
  if (before.answers.empty() || (arguments.json && !arguments.watch)) {
    print(arguments.json ? as_json(before) : "", before, false);
    return exit_status_of(before, arguments);
  }
  std::this_thread::sleep_for(rate_interval);
  while (true) {
    Round round = ask_all(wanted_sockets(arguments));
    const bool clear_screen = arguments.watch && !arguments.json && ::isatty(STDOUT_FILENO) == 1;
    print(arguments.json ? as_json(round) : as_tables(round, before), round, clear_screen);
    if (!arguments.watch) return exit_status_of(round, arguments);
    before = std::move(round);
    std::this_thread::sleep_for(watch_interval);
  }
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_status) {
  const auto arguments = std::make_shared<StatusArguments>();
  CLI::App* status = app.add_subcommand("status", "Show what runs here: tunnels, paths, peers, rates, loss, RTT");
  status->add_option("NAME", arguments->names,
                     "Nodes: the name of the configuration, or the path of the control socket (default: all)");
  status->add_flag("--json", arguments->json, "The whole status as a JSON array with one object for each node");
  status->add_flag("--watch", arguments->watch, "Show it again every second");
  status->callback([arguments, &exit_status] { exit_status = run(*arguments); });
}

}  // namespace mpquic::cli
