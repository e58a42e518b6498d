#include "cli/net_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "cli/check_command.h"
#include "cli/networkd_command.h"
#include "control/query.h"
#include "policy/keeper.h"
#include "policy/settle.h"
#include "policy/surroundings.h"
#include "system/link_monitor.h"

namespace mpquic::cli {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

int report(const Error& error) {
  fmt::print(stderr, "mpquic: {}\n", error.message);
  return failed;
}

/// A node's kernel state as seen from outside of the node.
struct View {
  config::Configuration configuration;
  policy::Keeper keeper;
  system::LinkMonitor links;

  std::optional<control::NodeStatus> running;  ///< nullopt: it doesn't run

  // Whether a tunnel is up only its node knows. Where that does not run, it counts as up when its device is there.
  bool up(const std::string& tunnel, const std::string& client) const {
    if (!running) return links.table().state(tunnel).up;
    const auto known = std::ranges::find(running->tunnels, tunnel, &control::TunnelStatus::name);
    if (known == running->tunnels.end()) return false;
    if (client.empty()) return known->state == "up";
    return std::ranges::find(known->connections, client, &control::ConnectionStatus::peer) != known->connections.end();
  }

  policy::HandedOut handed_out(const std::string& tunnel) const {
    return running ? policy::read_handed_out(running->tunnels, tunnel) : policy::HandedOut();
  }

  policy::Plan plan() {
    return policy::make_plan(
        configuration,
        policy::surroundings(
            keeper, links.table(), [this](const auto& tunnel, const auto& client) { return up(tunnel, client); },
            [this](const auto& tunnel) { return handed_out(tunnel); }));
  }
};

/// `running`: what the node says of itself, if it runs.
Result<View> look(config::Configuration configuration, std::optional<control::NodeStatus> running,
                  policy::Keeper::Intent intent) {
  auto keeper = policy::Keeper::open(configuration.name, intent);
  if (!keeper) return std::unexpected(keeper.error());
  auto links = system::LinkMonitor::open({});
  if (!links) return std::unexpected(links.error());
  return View{std::move(configuration), std::move(*keeper), std::move(*links), std::move(running)};
}

int apply(View& view) {
  const auto applied = policy::settle(view.keeper, [&]() -> Result<policy::Plan> {
    if (auto read = view.links.read(); !read) return std::unexpected(read.error());
    return view.plan();
  });
  if (!applied) return report(applied.error());
  for (const std::string& line : applied->waiting) fmt::print("waiting: {}\n", line);
  return done;
}

int remove(View& view) {
  if (auto removed = view.keeper.remove(); !removed) return report(removed.error());
  return done;
}

int difference(View& view) {
  const auto lines = view.keeper.difference(view.plan());
  if (!lines) return report(lines.error());
  for (const std::string& line : *lines) fmt::print("{}\n", line);
  return lines->empty() ? done : failed;
}

int status(View& view) {
  const policy::Plan plan = view.plan();
  const auto lines = view.keeper.difference(plan);
  if (!lines) return report(lines.error());
  fmt::print("nftable inet {}, routing tables and rule priorities {} to {}, route protocol {}\n",
             view.keeper.slot().table(), view.keeper.slot().first(),
             view.keeper.slot().first() + system::KernelSlot::size - 1, system::our_protocol);
  for (const auto& vlan : plan.devices.vlans) fmt::print("{}\n", vlan.to_string());
  for (const auto& address : plan.devices.addresses) fmt::print("{}\n", address.to_string());
  for (const auto& rule : plan.routing.rules) fmt::print("rule {}\n", rule.to_string());
  for (const auto& route : plan.routing.routes) fmt::print("route {}\n", route.to_string());
  for (const auto& [name, value] : plan.sysctls) fmt::print("sysctl {} = {}\n", name, value);
  for (const std::string& line : plan.waiting) fmt::print("waiting: {}\n", line);
  fmt::print("{}\n", lines->empty() ? "all of it is in place" : "NOT all of it is in place: see mpquic net diff");
  return done;
}

int run(const std::string& argument, int (*action)(View&), bool changes) {
  auto configuration = load_argument(argument);
  if (!configuration) return wrong_usage;
  const auto status = control::query_status(configuration->control, std::chrono::seconds(2));
  // A node that runs keeps its state itself, and knows more than we do here.
  if (changes && status) {
    return report(Error{fmt::format("{} is running and keeps its kernel state itself", configuration->name)});
  }
  using Intent = policy::Keeper::Intent;
  auto view = look(std::move(*configuration), status ? std::optional(*status) : std::nullopt,
                   changes ? Intent::change : Intent::look);
  return view ? action(*view) : report(view.error());
}

}  // namespace

void add_net_command(CLI::App& app, int& exit_status) {
  auto* net =
      app.add_subcommand("net", "The kernel state of a node alone: VLANs, addresses, routes, rules, nftables, sysctls");
  net->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, int (*action)(View&), bool changes) {
    auto* command = net->add_subcommand(name, help);
    auto file = std::make_shared<std::string>();
    command->add_option("FILE", *file, "configuration file, or NAME of one in /etc/mpquic")->required();
    command->callback([&exit_status, file, action, changes] { exit_status = run(*file, action, changes); });
  };
  add("apply", "Set up what can be set up without the tunnels", apply, true);
  add("remove", "Take back what apply, or a node that was killed, has left", remove, true);
  add("status", "What is wanted, and whether it is there", status, false);
  add("diff", "What apply would change; exits 0 if nothing, 1 if something", difference, false);

  auto* networkd =
      net->add_subcommand("networkd", "Write the systemd-networkd files that a machine of this node needs");
  auto file = std::make_shared<std::string>();
  auto output = std::make_shared<std::string>();
  auto force = std::make_shared<bool>(false);
  networkd->add_option("FILE", *file, "configuration file")->required();
  networkd->add_option("--output", *output, "the folder to write below, such as /etc")->required();
  networkd->add_flag("--force", *force, "replace files of others, too");
  networkd->callback([&exit_status, file, output, force] { exit_status = networkd_command(*file, *output, *force); });
}

}  // namespace mpquic::cli
