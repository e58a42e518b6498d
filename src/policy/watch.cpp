#include "policy/watch.h"

#include <linux/fib_rules.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "system/routing.h"

namespace mpquic::policy {
namespace {

// A router's other routes come and go all day.
bool is_ours(const system::Message& event) {
  if (event.type == RTM_NEWROUTE || event.type == RTM_DELROUTE) {
    const auto header = event.header<rtmsg>();
    return header && header->rtm_protocol == system::our_protocol;
  }
  const auto header = event.header<fib_rule_hdr>();
  return header && system::Attributes::of(event, sizeof *header).u8(FRA_PROTOCOL) == system::our_protocol;
}

}  // namespace

Result<Watch> Watch::open() {
  auto routing = system::NetlinkEvents::open(
      {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE}, NETLINK_ROUTE);
  if (!routing) return std::unexpected(routing.error());
  auto nftables = system::NetlinkEvents::open({NFNLGRP_NFTABLES}, NETLINK_NETFILTER);
  if (!nftables) return std::unexpected(nftables.error());
  return Watch(std::move(*routing), std::move(*nftables));
}

Result<bool> Watch::read() {
  bool worth_a_look = false;
  const auto routing = routing_.read([&](const system::Message& event) { worth_a_look |= is_ours(event); });
  if (!routing) return std::unexpected(routing.error());
  const auto nftables = nftables_.read([&](const system::Message&) { worth_a_look = true; });
  if (!nftables) return std::unexpected(nftables.error());
  using Drained = system::NetlinkEvents::Drained;
  return worth_a_look || *routing == Drained::overrun || *nftables == Drained::overrun;
}

}  // namespace mpquic::policy
