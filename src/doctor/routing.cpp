// Rules and routes: those of others that catch our packets before ours do, and ours that nobody needs any more.
#include "system/routing.h"

#include <linux/fib_rules.h>

#include <algorithm>
#include <set>

#include "doctor/examine.h"

namespace mpquic::doctor {
namespace {

using system::KernelSlot;
using system::RuleMessage;

std::string describe(const RuleMessage& rule) {
  std::string text = rule.source ? "from " + rule.source->to_string() : "from all";
  if (rule.destination) text += " to " + rule.destination->to_string();
  if (rule.mask != 0) text += fmt::format(" fwmark {:#x}/{:#x}", rule.mark, rule.mask);
  if (!rule.input_interface.empty()) text += " iif " + rule.input_interface;
  if (!rule.output_interface.empty()) text += " oif " + rule.output_interface;
  const std::string where = rule.action == FR_ACT_TO_TBL
                                ? fmt::format("lookup {}", rule.table == 254 ? "main" : std::to_string(rule.table))
                                : "an end";
  return fmt::format("ip {}rule {}: {} {}", rule.family == packet::Address::Family::ipv4 ? "" : "-6 ", rule.priority,
                     text, where);
}

std::string removal(const RuleMessage& rule) {
  return fmt::format("ip {}rule del priority {}", rule.family == packet::Address::Family::ipv4 ? "" : "-6 ",
                     rule.priority);
}

/// Whether `theirs` matches all that `ours` does.
bool catches(const RuleMessage& theirs, const system::PolicyRule& ours) {
  if (theirs.narrowed || theirs.source || theirs.destination || !theirs.input_interface.empty()) return false;
  if (theirs.family != ours.family) return false;
  if (!theirs.output_interface.empty() && theirs.output_interface != ours.output_interface) return false;
  // A mark of ours has other bits that may be anything: only those of our mask are known.
  if ((theirs.mask & ~ours.mask) != 0) return false;
  return (ours.mark & theirs.mask) == theirs.mark;
}

/// Whether what it catches finds an end there, good or bad, and never comes to our rule.
bool ends_the_search(const RuleMessage& theirs, const system::PolicyRule& ours, const Observations& seen) {
  if (theirs.action != FR_ACT_TO_TBL) {
    return theirs.action == FR_ACT_BLACKHOLE || theirs.action == FR_ACT_UNREACHABLE || theirs.action == FR_ACT_PROHIBIT;
  }
  // What is bound to an interface passes over routes by others, so a foreign table can only lead it the same way.
  if (theirs.ignores_defaults || !ours.output_interface.empty()) return false;
  return std::ranges::any_of(seen.default_routes, [&](const system::RouteMessage& route) {
    return route.table == theirs.table && route.destination.address().family() == theirs.family;
  });
}

void examine_foreign_rules(const Observations& seen, Findings& findings) {
  const std::uint32_t first = seen.slot.first();
  for (const RuleMessage& rule : seen.rules) {
    if (rule.protocol == system::our_protocol) continue;
    const auto caught = std::ranges::find_if(seen.plan.routing.rules, [&](const auto& ours) {
      return rule.priority <= ours.priority && catches(rule, ours) && ends_the_search(rule, ours, seen);
    });
    if (caught != seen.plan.routing.rules.end()) {
      findings.push_back({Severity::problem,
                          fmt::format("{}: comes before the rules of this node ({} and up) and takes their packets",
                                      describe(rule), first),
                          removal(rule) + ", or give it a higher number"});
    } else if (rule.priority >= first && rule.priority - first < KernelSlot::size) {
      findings.push_back({Severity::warning,
                          fmt::format("{}: lies among the numbers of this node, {} to {}, and is not its own",
                                      describe(rule), first, first + KernelSlot::size - 1),
                          "give it another number"});
    }
  }
}

/// The nodes that have kernel state here, by the first of their numbers.
std::set<std::uint32_t> owners(const Observations& seen) {
  std::set<std::uint32_t> firsts;
  for (const std::string& table : seen.tables) {
    if (const auto slot = KernelSlot::parse(table)) firsts.insert(slot->first());
  }
  return firsts;
}

bool has_owner(std::uint32_t number, const std::set<std::uint32_t>& firsts) {
  const auto after = firsts.upper_bound(number);
  return after != firsts.begin() && number - *std::prev(after) < KernelSlot::size;
}

void examine_leftovers(const Observations& seen, Findings& findings) {
  const std::set<std::uint32_t> firsts = owners(seen);
  for (const RuleMessage& rule : seen.rules) {
    if (rule.protocol != system::our_protocol || has_owner(rule.priority, firsts)) continue;
    findings.push_back(
        {Severity::warning, describe(rule) + ": made by an mpquic that has left nothing else", removal(rule)});
  }
  std::set<std::uint32_t> orphaned;
  for (const auto& route : seen.our_routes) {
    if (route.table >= 10'000 && !has_owner(route.table, firsts)) orphaned.insert(route.table);
  }
  for (const std::uint32_t table : orphaned) {
    findings.push_back({Severity::warning,
                        fmt::format("routing table {} has routes of an mpquic that has left nothing else", table),
                        fmt::format("ip route flush table {} proto {}", table, system::our_protocol)});
  }
  if (!seen.node && !seen.node_unknown && std::ranges::find(seen.tables, seen.slot.table()) != seen.tables.end()) {
    findings.push_back({Severity::warning,
                        "routes, rules and nftables of this node are set up, and it does not run: a crash, or `mpquic "
                        "net apply`. Traffic for its tunnels is refused",
                        "run it, or mpquic net remove FILE"});
  }
}

// What it sets does not depend on what is up: rules that are missing, nobody has put back.
void examine_own_rules(const Observations& seen, Findings& findings) {
  if (!seen.node) return;
  std::size_t missing = 0;
  for (const auto& wanted : seen.plan.routing.rules) {
    const auto same = [&](const RuleMessage& rule) {
      return rule.protocol == system::our_protocol && rule.family == wanted.family &&
             rule.priority == wanted.priority && rule.table == wanted.table && rule.mark == wanted.mark &&
             rule.output_interface == wanted.output_interface && rule.source == wanted.source &&
             rule.ignores_defaults == wanted.ignores_defaults;
    };
    if (std::ranges::none_of(seen.rules, same)) ++missing;
  }
  if (missing == 0) return;
  findings.push_back({Severity::problem,
                      fmt::format("{} of the node's {} routing rules are not there, though it runs", missing,
                                  seen.plan.routing.rules.size()),
                      "the node's log says why (kernel state); mpquic net diff FILE shows them"});
}

}  // namespace

void examine_routing(const Observations& seen, Findings& findings) {
  if (seen.rules.empty()) return;  // not seen
  examine_foreign_rules(seen, findings);
  if (!seen.nftables) return;  // whose is what, the nftables tell
  examine_leftovers(seen, findings);
  examine_own_rules(seen, findings);
}

}  // namespace mpquic::doctor
