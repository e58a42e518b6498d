#include "policy/keeper.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "policy/listing.h"
#include "system/conntrack.h"
#include "system/sysctl.h"

namespace mpquic::policy {
namespace {

constexpr std::string_view scratch_prefix = "mpquic-check.";

Sysctls read_originals(const std::string& listing) {
  Sysctls originals;
  for (const std::string& chain : chains_in(listing)) read_original(chain, originals);
  return originals;
}

std::string replacement(const std::string& table, const std::string& inside) {
  return fmt::format("table inet {0} {{}}\ndelete table inet {0}\ntable inet {0} {{\n{1}}}\n", table, inside);
}

}  // namespace

std::string_view in_words(Disturbed what) {
  switch (what) {
    case Disturbed::nothing: return "nothing";
    case Disturbed::devices: return "VLANs or addresses";
    case Disturbed::others: return "routes, rules or nftables";
  }
  return {};
}

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
  if (intent == Intent::change && std::ranges::find(*tables, keeper.slot_.table()) == tables->end()) {
    if (auto claimed = keeper.claim(); !claimed) return std::unexpected(claimed.error());
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

// What connections remember of whoever had these numbers before would lead them into tunnels of ours.
Result<void> Keeper::claim() {
  const std::uint32_t last = slot_.mark(system::KernelSlot::size - 1);
  if (auto done = system::clear_connection_marks(slot_.mark(0), last, system::KernelSlot::mark_mask); !done) {
    log::warning("connections from before keep the tunnels that they had: {}", done.error().message);
  }
  return nftables_.run(fmt::format("table inet {} {{}}", slot_.table()));
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
  Sysctls ended;
  for (const auto& [name, value] : originals_) {
    if (!originals->contains(name)) ended[name] = value;
  }
  if (auto done = restore(ended); !done) return done;
  originals_ = std::move(*originals);
  auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  listing_ = std::move(*listing);
  numbers_ = read_numbers(listing_);
  applied_ = plan;
  return {};
}

// In such an order that no packet leaves by another way than the one that is wanted: what leads somewhere before what
// marks packets for it, forwarding last. The nftable is before the sysctls, since it remembers what they were. Whatever
// fails, what was changed before it is changed back.
Result<void> Keeper::change(const Plan& plan, const std::string& inside, const std::optional<std::string>& before) {
  const auto devices = system::read_devices(netlink_, device_scope());
  if (!devices) return std::unexpected(devices.error());
  const auto routing = system::read_routing(netlink_, scope());
  if (!routing) return std::unexpected(routing.error());
  bool replaced = false;
  Sysctls changed;
  const auto done = [&]() -> Result<void> {
    if (auto made = system::apply_devices(netlink_, device_scope(), plan.devices); !made) return made;
    if (auto added = system::apply_routing(netlink_, scope(), plan.routing, system::Stale::stays); !added) return added;
    if (before != inside) {
      if (auto written = replace_table(inside); !written) return written;
      replaced = true;
    }
    if (auto written = write_sysctls(plan.sysctls, changed); !written) return written;
    return system::apply_routing(netlink_, scope(), plan.routing);
  }();
  if (done) return {};
  std::string trouble;
  const auto undone = [&](const Result<void>& back) {
    if (!back) trouble += "; " + back.error().message;
  };
  undone(restore_sysctls(changed));
  if (replaced) {
    // What never came about needs no numbers.
    const bool in_vain = !applied_ && before.value_or("").empty();
    undone(in_vain ? nftables_.run("delete table inet " + slot_.table()) : replace_table(before.value_or("")));
  }
  undone(system::apply_routing(netlink_, scope(), *routing));
  undone(system::apply_devices(netlink_, device_scope(), devices->ours()));
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
  const auto routing = system::read_routing(netlink_, scope());
  if (!routing) return std::unexpected(routing.error());
  return system::difference(applied_->routing, *routing).empty() ? Disturbed::nothing : Disturbed::others;
}

Result<void> Keeper::remove() {
  auto lock = system::KernelLock::take();
  if (!lock) return std::unexpected(lock.error());
  // Nothing is forwarded any more when there is no way left but that of the main table.
  if (auto done = restore(std::exchange(originals_, {})); !done) return done;
  if (auto done = system::apply_routing(netlink_, scope(), {}); !done) return done;
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
  const auto present = system::read_routing(netlink_, scope());
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
  std::ranges::copy(differing_lines(lines_of(before->value_or("")), lines_of(*after)), std::back_inserter(lines));
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

std::string Keeper::inside_of_table(const Plan& plan, const Sysctls& originals) const {
  std::string text;
  for (const std::string& chain : chains_of(originals)) text += fmt::format("  chain {} {{}}\n", chain);
  return text + plan.ruleset;
}

Result<void> Keeper::replace_table(const std::string& inside) {
  return nftables_.run(replacement(slot_.table(), inside));
}

Result<std::optional<std::string>> Keeper::present_inside() {
  const auto listing = nftables_.list(slot_.table());
  if (!listing) return std::unexpected(listing.error());
  if (listing->empty()) return std::nullopt;
  return inside_of(*listing);
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
  return inside_of(*listing);
}

Result<Sysctls> Keeper::originals_of_others() {
  const auto tables = nftables_.tables();
  if (!tables) return std::unexpected(tables.error());
  Sysctls all;
  for (const std::string& table : *tables) {
    if (table == slot_.table() || !system::KernelSlot::parse(table)) continue;
    const auto listing = nftables_.list(table);
    if (!listing) return std::unexpected(listing.error());
    all.merge(read_originals(*listing));
  }
  return all;
}

Result<Sysctls> Keeper::originals_for(const Plan& plan) {
  auto others = originals_of_others();
  if (!others) return others;
  Sysctls originals;
  const auto add = [&](const std::string& name, const std::string& present) {
    if (const auto known = originals_.find(name); known != originals_.end()) {
      originals.insert(*known);
    } else if (const auto theirs = others->find(name); theirs != others->end()) {
      originals.insert(*theirs);
    } else if (!present.empty()) {
      originals.emplace(name, present);
    }
  };
  for (const auto& [name, value] : plan.sysctls) {
    add(name, system::read_sysctl(name));
    if (originals.contains(name) && originals[name] == value) {
      originals.erase(name);
      continue;
    }
    // Those of now, if it is still to be written, and those of when it was.
    for (const auto& [other, present] : side_effects(name, value)) add(other, present);
    for (const Sysctls* known : {&originals_, &*others}) {
      for (const auto& one : *known) {
        if (is_side_effect(one.first, name)) originals.insert(one);
      }
    }
  }
  return originals;
}

Result<void> Keeper::restore(const Sysctls& originals) {
  if (originals.empty()) return {};
  const auto others = originals_of_others();
  if (!others) return std::unexpected(others.error());
  Sysctls free;  // less those that another node still needs
  std::ranges::set_difference(originals, *others, std::inserter(free, free.end()), {}, &Sysctls::value_type::first,
                              &Sysctls::value_type::first);
  return restore_sysctls(free);
}

}  // namespace mpquic::policy
