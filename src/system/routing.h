#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "packet/address.h"
#include "system/netlink.h"

namespace mpquic::system {

/// On every route and rule of ours (rtm_protocol, FRA_PROTOCOL), and on nothing else: "proto 109" of `ip route`.
inline constexpr std::uint8_t our_protocol = 109;

/// A route of ours. Without an interface it answers that there is no way (type unreachable).
struct PolicyRoute {
  std::uint32_t table = 0;
  packet::Prefix destination;
  std::uint32_t metric = 0;  ///< lower is preferred; IPv6 knows no 0
  unsigned ifindex = 0;
  std::optional<packet::Address>
      gateway;  ///< of the destination's family; taken to be on the link, whatever its network

  auto operator<=>(const PolicyRoute&) const = default;
  std::string to_string() const;
};

/// A rule of ours: what has this mark, is bound to this interface, or comes from this source is looked up in a table.
struct PolicyRule {
  packet::Address::Family family = packet::Address::Family::ipv4;
  std::uint32_t priority = 0;  ///< lower comes first
  std::uint32_t table = 0;
  std::uint32_t mark = 0, mask = 0;  ///< mask 0: any
  std::string output_interface;      ///< that a socket is bound to; empty: any
  std::optional<packet::Prefix> source;
  bool ignores_defaults = false;  ///< what only a route of length 0 of the table matches goes on to the next rule

  auto operator<=>(const PolicyRule&) const = default;
  std::string to_string() const;
};

struct Routing {
  std::vector<PolicyRoute> routes;
  std::vector<PolicyRule> rules;

  bool operator==(const Routing&) const = default;
};

struct RoutingChanges {
  Routing add, remove;

  bool empty() const { return add == Routing() && remove == Routing(); }
};

/// Which of the kernel's routes and rules with our protocol number are this node's: those of its range of tables and
/// priorities, and those of the main table with a metric out of the same range.
struct RoutingScope {
  std::uint32_t first = 0, count = 0;

  bool holds(const PolicyRoute& route) const;
  bool holds(const PolicyRule& rule) const;
};

/// A route that replaces another of the same table, destination and metric is only added.
RoutingChanges difference(const Routing& wanted, const Routing& present);

Result<Routing> read_routing(NetlinkSocket& socket, const RoutingScope& scope);

/// Of the present routes and rules that are not wanted.
enum class Stale : std::uint8_t { goes, stays };

/// Makes the routes and rules of `scope` what is wanted, new ones before old ones go. After a failure everything is as
/// it was before. Needs CAP_NET_ADMIN.
Result<void> apply_routing(NetlinkSocket& socket, const RoutingScope& scope, const Routing& wanted,
                           Stale stale = Stale::goes);

}  // namespace mpquic::system
