#include "system/routing.h"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <tuple>

#include "system/rtnetlink.h"

namespace mpquic::system {
namespace {

std::uint8_t kernel_family(packet::Address::Family family) {
  return family == packet::Address::Family::ipv4 ? AF_INET : AF_INET6;
}

// What may be there only once: adding replaces it.
auto place(const PolicyRoute& route) { return std::tuple(route.table, route.destination, route.metric); }

std::optional<PolicyRoute> parse_policy_route(const Message& message) {
  const auto header = message.header<rtmsg>();
  if (!header || header->rtm_protocol != our_protocol) return std::nullopt;
  const auto route = parse_route(message);
  if (!route || (route->type != RTN_UNICAST && route->type != RTN_UNREACHABLE)) return std::nullopt;
  PolicyRoute parsed{route->table, route->destination, route->metric, 0, std::nullopt};
  if (route->type == RTN_UNICAST && !route->next_hops.empty()) {
    parsed.ifindex = route->next_hops.front().ifindex;
    parsed.gateway = route->next_hops.front().gateway;
  }
  return parsed;
}

std::optional<PolicyRule> parse_policy_rule(const Message& message) {
  if (message.type != RTM_NEWRULE) return std::nullopt;
  const auto rule = parse_rule(message);
  if (!rule || rule->protocol != our_protocol) return std::nullopt;
  return PolicyRule{.family = rule->family,
                    .priority = rule->priority,
                    .table = rule->table,
                    .mark = rule->mark,
                    .mask = rule->mask,
                    .output_interface = rule->output_interface,
                    .source = rule->source,
                    .ignores_defaults = rule->ignores_defaults};
}

Request route_request(std::string purpose, std::uint16_t type, std::uint16_t flags, const PolicyRoute& route) {
  rtmsg header{};
  header.rtm_family = kernel_family(route.destination.address().family());
  header.rtm_dst_len = static_cast<std::uint8_t>(route.destination.length());
  header.rtm_protocol = our_protocol;
  header.rtm_scope = route.ifindex != 0 && !route.gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  header.rtm_type = route.ifindex != 0 ? RTN_UNICAST : RTN_UNREACHABLE;
  // Carriers hand out gateways that lie in no network of the link.
  if (route.gateway) header.rtm_flags = RTNH_F_ONLINK;
  Request request(std::move(purpose), type, flags, header);
  request.put_u32(RTA_TABLE, route.table);
  request.put_bytes(RTA_DST, route.destination.address().bytes());
  request.put_u32(RTA_PRIORITY, route.metric);
  if (route.ifindex != 0) request.put_u32(RTA_OIF, route.ifindex);
  if (route.gateway) request.put_bytes(RTA_GATEWAY, route.gateway->bytes());
  return request;
}

Request rule_request(std::string purpose, std::uint16_t type, std::uint16_t flags, const PolicyRule& rule) {
  fib_rule_hdr header{};
  header.family = kernel_family(rule.family);
  header.action = FR_ACT_TO_TBL;
  if (rule.source) header.src_len = static_cast<std::uint8_t>(rule.source->length());
  Request request(std::move(purpose), type, flags, header);
  request.put_u32(FRA_PRIORITY, rule.priority);
  request.put_u32(FRA_TABLE, rule.table);
  request.put_u8(FRA_PROTOCOL, our_protocol);
  if (rule.mask != 0) request.put_u32(FRA_FWMARK, rule.mark).put_u32(FRA_FWMASK, rule.mask);
  if (!rule.output_interface.empty()) request.put_text(FRA_OIFNAME, rule.output_interface);
  if (rule.source) request.put_bytes(FRA_SRC, rule.source->address().bytes());
  if (rule.ignores_defaults) request.put_u32(FRA_SUPPRESS_PREFIXLEN, 0);
  return request;
}

// New routes first, then the rules that lead to them; old ones go in the opposite order.
Result<void> carry_out(NetlinkSocket& socket, const RoutingChanges& changes, const Routing& present) {
  for (const PolicyRoute& route : changes.add.routes) {
    // Somebody else's route in that place stays where it is.
    const bool ours_there =
        std::ranges::any_of(present.routes, [&](const auto& old) { return place(old) == place(route); });
    const std::uint16_t flags = NLM_F_CREATE | (ours_there ? NLM_F_REPLACE : NLM_F_EXCL);
    auto request = route_request("add route " + route.to_string(), RTM_NEWROUTE, flags, route);
    if (auto done = socket.apply(std::move(request)); !done) return done;
  }
  for (const PolicyRule& rule : changes.add.rules) {
    auto request = rule_request("add rule " + rule.to_string(), RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
    if (auto done = socket.apply(std::move(request), EEXIST); !done) return done;
  }
  for (const PolicyRule& rule : changes.remove.rules) {
    auto request = rule_request("remove rule " + rule.to_string(), RTM_DELRULE, 0, rule);
    if (auto done = socket.apply(std::move(request), ENOENT); !done) return done;
  }
  for (const PolicyRoute& route : changes.remove.routes) {
    auto request = route_request("remove route " + route.to_string(), RTM_DELROUTE, 0, route);
    if (auto done = socket.apply(std::move(request), ESRCH); !done) return done;
  }
  return {};
}

template <class T>
std::vector<T> without(std::vector<T> all, std::vector<T> taken) {
  std::ranges::sort(all);
  std::ranges::sort(taken);
  std::vector<T> left;
  std::ranges::set_difference(all, taken, std::back_inserter(left));
  return left;
}

std::string device_name(unsigned ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(ifindex, name.data()) != nullptr ? std::string(name.data()) : fmt::format("if{}", ifindex);
}

}  // namespace

std::string PolicyRoute::to_string() const {
  const std::string to = destination.to_string();
  if (ifindex == 0) return fmt::format("unreachable {} table {} metric {}", to, table, metric);
  const std::string via = gateway ? " via " + gateway->to_string() : "";
  return fmt::format("{}{} dev {} table {} metric {}", to, via, device_name(ifindex), table, metric);
}

std::string PolicyRule::to_string() const {
  std::string what;
  if (source) what += " from " + source->to_string();
  if (mask != 0) what += fmt::format(" fwmark {:#x}/{:#x}", mark, mask);
  if (!output_interface.empty()) what += " oif " + output_interface;
  return fmt::format("{}{} lookup {}{} priority {}", family == packet::Address::Family::ipv4 ? "ipv4" : "ipv6", what,
                     table, ignores_defaults ? " suppress_prefixlength 0" : "", priority);
}

bool RoutingScope::holds(const PolicyRoute& route) const {
  const std::uint32_t number = route.table == RT_TABLE_MAIN ? route.metric : route.table;
  return number >= first && number - first < count;
}

bool RoutingScope::holds(const PolicyRule& rule) const {
  return rule.priority >= first && rule.priority - first < count;
}

RoutingChanges difference(const Routing& wanted, const Routing& present) {
  RoutingChanges changes;
  changes.add = {without(wanted.routes, present.routes), without(wanted.rules, present.rules)};
  changes.remove = {without(present.routes, wanted.routes), without(present.rules, wanted.rules)};
  std::erase_if(changes.remove.routes, [&](const PolicyRoute& old) {
    return std::ranges::any_of(changes.add.routes, [&](const auto& route) { return place(route) == place(old); });
  });
  return changes;
}

Result<Routing> read_routing(NetlinkSocket& socket, const RoutingScope& scope) {
  Routing present;
  auto routes = socket.dump(all_routes_request(), parse_policy_route);
  if (!routes) return std::unexpected(routes.error());
  auto rules = socket.dump(all_rules_request(), parse_policy_rule);
  if (!rules) return std::unexpected(rules.error());
  std::ranges::copy_if(*routes, std::back_inserter(present.routes), [&](const auto& one) { return scope.holds(one); });
  std::ranges::copy_if(*rules, std::back_inserter(present.rules), [&](const auto& one) { return scope.holds(one); });
  return present;
}

Result<void> apply_routing(NetlinkSocket& socket, const RoutingScope& scope, const Routing& wanted, Stale stale) {
  const auto before = read_routing(socket, scope);
  if (!before) return std::unexpected(before.error());
  RoutingChanges changes = difference(wanted, *before);
  if (stale == Stale::stays) changes.remove = {};
  if (changes.empty()) return {};
  auto done = carry_out(socket, changes, *before);
  if (done) return done;
  if (const auto half = read_routing(socket, scope)) {
    if (const auto undone = carry_out(socket, difference(*before, *half), *half); !undone) {
      return failure("{}; and what had been changed could not be taken back: {}", done.error().message,
                     undone.error().message);
    }
  }
  return done;
}

}  // namespace mpquic::system
