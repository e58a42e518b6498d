#include "policy/keeper.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "system/sysctl.h"

namespace mpquic::policy {
namespace {

using Originals = std::map<std::string, std::string>;

constexpr std::string_view restore_prefix = "restore/";
constexpr std::string_view scratch_prefix = "mpquic-check.";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin != std::string::npos) lines.push_back(line.substr(begin));
  }
  return lines;
}

/// The names of the chains of a listed table.
std::vector<std::string> chains_in(const std::string& listing) {
  std::vector<std::string> names;
  for (const std::string& line : lines_of(listing)) {
    std::istringstream words(line);
    std::string chain, name;
    words >> chain >> name;
    if (chain == "chain") names.push_back(name);
  }
  return names;
}

/// The sysctls that a listed table says are to be restored.
Originals read_originals(const std::string& listing) {
  Originals found;
  for (std::string name : chains_in(listing)) {
    if (!name.starts_with(restore_prefix)) continue;
    name.erase(0, restore_prefix.size());
    const std::size_t slash = name.rfind('/');
    if (slash != std::string::npos) found[name.substr(0, slash)] = name.substr(slash + 1);
  }
  return found;
}

Numbers read_numbers(const std::string& listing) {
  Numbers numbers;
  for (const std::string& chain : chains_in(listing)) read_number(chain, numbers);
  return numbers;
}

// Less the lines that open and close the table, and what only a table has that is not in force.
std::string inside(const std::string& listing) {
  std::string text;
  const auto lines = lines_of(listing);
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i] != "flags dormant") text += lines[i] + '\n';
  }
  return text;
}

// What stands in one text and not in the other, in order: the longest common subsequence stays.
void add_difference(const std::vector<std::string>& before, const std::vector<std::string>& after,
                    std::vector<std::string>& lines) {
  std::vector<std::vector<std::size_t>> common(before.size() + 1, std::vector<std::size_t>(after.size() + 1));
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      common[i][j] = before[i] == after[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::size_t i = 0, j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i, ++j;
    } else if (j == after.size() || (i < before.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back("- nft " + before[i++]);
    } else {
      lines.push_back("+ nft " + after[j++]);
    }
  }
}

std::string replacement(const std::string& table, const std::string& inside) {
  return fmt::format("table inet {0} {{}}\ndelete table inet {0}\ntable inet {0} {{\n{1}}}\n", table, inside);
}

bool can_be_recorded(const std::string& name, const std::string& value) {
  const auto fits = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.' || c == '/';
  };
  return !value.empty() && std::ranges::all_of(name + value, fits);
}

}  // namespace

Result<Keeper> Keeper::open(const std::string& node, Intent intent) {
  auto netlink = system::NetlinkSocket::open();
  if (!netlink) return std::unexpected(netlink.error());
  auto nftables = system::Nftables::open();
  if (!nftables) return std::unexpected(nftables.error());
  auto lock = system::KernelLock::take();
  if (!lock) return std::unexpected(lock.error());
  const auto tables = nftables->tables();
  if (!tables) return std::unexpected(tables.error());
  for (const std::string& table : *tables) {
    if (!table.starts_with(scratch_prefix)) continue;  // of somebody who was killed: we have the lock
    if (auto gone = nftables->run("delete table inet " + table); !gone) return std::unexpected(gone.error());
  }
  auto slot = system::KernelSlot::choose(node, *tables);
  if (!slot)
    return failure("{} nodes have kernel state here, and there is room for no more", system::KernelSlot::slots);
  Keeper keeper(std::move(*slot), std::move(*netlink), std::move(*nftables));
  if (intent == Intent::change) {
    const std::string table = fmt::format("table inet {} {{}}", keeper.slot_.table());
    if (auto claimed = keeper.nftables_.run(table); !claimed) return std::unexpected(claimed.error());
  }
  const auto left = keeper.nftables_.list(keeper.slot_.table());
  if (!left) return std::unexpected(left.error());
  keeper.originals_ = read_originals(*left);
  keeper.numbers_ = read_numbers(*left);
  return keeper;
}

std::string Keeper::original(const std::string& sysctl) const {
  const auto known = originals_.find(sysctl);
  return known != originals_.end() ? known->second : system::read_sysctl(sysctl);
}

std::optional<std::string> Keeper::no_vlans() {
  const auto supported = system::check_vlan_support(netlink_);
  return supported ? std::nullopt : std::optional(supported.error().message);
}

// Outside of its own tables a node's routes lead into its own tunnels. Links it may share with other nodes.
system::RoutingScope Keeper::scope(const Plan& plan) const {
  system::RoutingScope scope{slot_.first(), system::KernelSlot::size, {}};
  const auto add_devices = [&](const Plan& one) {
    for (const auto& route : one.routing.routes) {
      if (route.table < scope.first || route.table - scope.first >= scope.count) scope.devices.push_back(route.ifindex);
    }
  };
  add_devices(plan);
  if (applied_) add_devices(*applied_);
  return scope;
}

Result<void> Keeper::apply(const Plan& plan) {
  auto lock = system::KernelLock::take();
  if (!lock) return std::unexpected(lock.error());
  auto originals = originals_for(plan);
  if (!originals) return std::unexpected(originals.error());
  const auto before = present_inside();
  if (!before) return std::unexpected(before.error());
  const auto wanted = as_listed(inside_of_table(plan, *originals));
  if (!wanted) return std::unexpected(wanted.error());
  if (auto done = change(plan, *wanted, *before); !done) return done;
  Originals ended;
  for (const auto& [name, value] : originals_) {
    if (!originals->contains(name)) ended[name] = value;
  }
  originals_ = std::move(*originals);
  if (auto done = restore(ended); !done) return done;
  auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  listing_ = std::move(*listing);
  numbers_ = read_numbers(listing_);
  applied_ = plan;
  return {};
}

// The nftable first, since it remembers what the sysctls were; devices before the sysctls and routes of theirs.
// Whatever fails, what was changed before it is changed back.
Result<void> Keeper::change(const Plan& plan, const std::string& inside, const std::optional<std::string>& before) {
  const auto devices = system::read_devices(netlink_, device_scope());
  if (!devices) return std::unexpected(devices.error());
  const bool replaced = before != inside;
  if (replaced) {
    if (auto done = replace_table(inside); !done) return done;
  }
  Originals changed;
  const auto done = [&]() -> Result<void> {
    if (auto made = system::apply_devices(netlink_, device_scope(), plan.devices); !made) return made;
    for (const auto& [name, value] : plan.sysctls) {
      const std::string now = system::read_sysctl(name);
      if (now.empty() || now == value) continue;  // gone with its interface, or as it should be
      if (auto written = system::write_sysctl(name, value); !written) return written;
      changed[name] = now;
    }
    return system::apply_routing(netlink_, scope(plan), plan.routing);
  }();
  if (done) return {};
  std::string trouble;
  for (const auto& [name, value] : changed) {
    if (auto back = system::write_sysctl(name, value); !back) trouble += "; " + back.error().message;
  }
  if (auto back = system::apply_devices(netlink_, device_scope(), devices->ours()); !back) {
    trouble += "; " + back.error().message;
  }
  if (replaced) {
    // What never came about needs no numbers.
    const bool in_vain = !applied_ && before.value_or("").empty();
    auto back = in_vain ? nftables_.run("delete table inet " + slot_.table()) : replace_table(before.value_or(""));
    if (!back) trouble += "; " + back.error().message;
  }
  return failure("{}{}", done.error().message, trouble);
}

Result<Disturbed> Keeper::disturbed() {
  if (!applied_) return Disturbed::nothing;
  const auto devices = system::read_devices(netlink_, device_scope());
  if (!devices) return std::unexpected(devices.error());
  if (!system::difference(applied_->devices, *devices).empty()) return Disturbed::devices;
  const auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  if (*listing != listing_) return Disturbed::others;
  const auto routing = system::read_routing(netlink_, scope(*applied_));
  if (!routing) return std::unexpected(routing.error());
  return system::difference(applied_->routing, *routing).empty() ? Disturbed::nothing : Disturbed::others;
}

Result<void> Keeper::remove() {
  auto lock = system::KernelLock::take();
  if (!lock) return std::unexpected(lock.error());
  if (auto done = system::apply_routing(netlink_, scope({}), {}); !done) return done;
  if (auto done = restore(std::exchange(originals_, {})); !done) return done;
  if (auto done = system::apply_devices(netlink_, device_scope(), {}); !done) return done;
  applied_.reset();
  numbers_.clear();
  const auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  return listing->empty() ? Result<void>() : nftables_.run("delete table inet " + slot_.table());
}

Result<std::vector<std::string>> Keeper::difference(const Plan& plan) {
  auto lock = system::KernelLock::take();
  if (!lock) return std::unexpected(lock.error());
  std::vector<std::string> lines;
  if (auto done = add_device_difference(plan.devices, lines); !done) return std::unexpected(done.error());
  const auto present = system::read_routing(netlink_, scope(plan));
  if (!present) return std::unexpected(present.error());
  const auto changes = system::difference(plan.routing, *present);
  for (const auto& rule : changes.remove.rules) lines.push_back("- rule " + rule.to_string());
  for (const auto& route : changes.remove.routes) lines.push_back("- route " + route.to_string());
  for (const auto& route : changes.add.routes) lines.push_back("+ route " + route.to_string());
  for (const auto& rule : changes.add.rules) lines.push_back("+ rule " + rule.to_string());
  for (const auto& [name, value] : plan.sysctls) {
    const std::string now = system::read_sysctl(name);
    if (!now.empty() && now != value) lines.push_back(fmt::format("+ sysctl {} = {} (now {})", name, value, now));
  }
  const auto before = present_inside();
  if (!before) return std::unexpected(before.error());
  const auto originals = originals_for(plan);
  if (!originals) return std::unexpected(originals.error());
  const auto after = as_listed(inside_of_table(plan, *originals));
  if (!after) return std::unexpected(after.error());
  add_difference(lines_of(before->value_or("")), lines_of(*after), lines);
  return lines;
}

Result<void> Keeper::add_device_difference(const system::Devices& wanted, std::vector<std::string>& lines) {
  const auto present = system::read_devices(netlink_, device_scope());
  if (!present) return std::unexpected(present.error());
  const auto changes = system::difference(wanted, *present);
  for (const auto& address : changes.remove.addresses) lines.push_back("- " + address.to_string());
  for (const auto& vlan : changes.remove.vlans) lines.push_back("- " + vlan.to_string());
  for (const auto& vlan : changes.add.vlans) lines.push_back("+ " + vlan.to_string());
  for (const auto& name : changes.set_up) lines.push_back(fmt::format("+ interface {} up", name));
  for (const auto& address : changes.add.addresses) lines.push_back("+ " + address.to_string());
  return {};
}

std::string Keeper::inside_of_table(const Plan& plan, const Originals& originals) const {
  std::string text;
  for (const auto& [name, value] : originals)
    text += fmt::format("  chain {}{}/{} {{}}\n", restore_prefix, name, value);
  return text + plan.ruleset;
}

Result<void> Keeper::replace_table(const std::string& inside) {
  return nftables_.run(replacement(slot_.table(), inside));
}

Result<std::optional<std::string>> Keeper::present_inside() {
  const auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  if (listing->empty()) return std::nullopt;
  return inside(*listing);
}

// As nft would print it: asked by means of a table of another name that is not in force.
Result<std::string> Keeper::as_listed(const std::string& wanted) {
  const std::string scratch = fmt::format("{}{}", scratch_prefix, getpid());
  if (auto made = nftables_.run(replacement(scratch, "flags dormant;\n" + wanted)); !made) {
    return std::unexpected(made.error());
  }
  const auto listing = nftables_.list(scratch);
  if (auto gone = nftables_.run("delete table inet " + scratch); !gone) return std::unexpected(gone.error());
  if (!listing) return std::unexpected(listing.error());
  return inside(*listing);
}

Result<Originals> Keeper::originals_of_others() {
  const auto tables = nftables_.tables();
  if (!tables) return std::unexpected(tables.error());
  Originals all;
  for (const std::string& table : *tables) {
    if (table == slot_.table() || !system::KernelSlot::parse(table)) continue;
    const auto listing = nftables_.list(table);
    if (!listing) return std::unexpected(listing.error());
    all.merge(read_originals(*listing));
  }
  return all;
}

Result<Originals> Keeper::originals_for(const Plan& plan) {
  auto others = originals_of_others();
  if (!others) return others;
  Originals originals;
  for (const auto& [name, value] : plan.sysctls) {
    const auto theirs = others->find(name);
    const bool known = theirs != others->end() && !originals_.contains(name);
    const std::string before = known ? theirs->second : original(name);
    if (before != value && can_be_recorded(name, before)) originals[name] = before;
  }
  return originals;
}

Result<void> Keeper::restore(const Originals& originals) {
  if (originals.empty()) return {};
  const auto others = originals_of_others();
  if (!others) return std::unexpected(others.error());
  for (const auto& [name, value] : originals) {
    // Gone with its interface, or still needed by another node.
    if (others->contains(name) || system::read_sysctl(name).empty()) continue;
    if (auto done = system::write_sysctl(name, value); !done) return done;
  }
  return {};
}

}  // namespace mpquic::policy
