#include "system/link_monitor.h"

#include <linux/rtnetlink.h>

#include <cassert>

namespace mpquic::system {

Result<LinkMonitor> LinkMonitor::open(const std::vector<std::string>& names) {
  auto socket = NetlinkSocket::open();
  if (!socket) return std::unexpected(socket.error());
  // Subscribed before the first dump: what happens in between is then seen twice rather than never.
  auto events = NetlinkEvents::open(
      {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}, NETLINK_ROUTE);
  if (!events) return std::unexpected(events.error());
  LinkMonitor monitor(*std::move(socket), *std::move(events));
  for (const std::string& name : names) monitor.watched_[name];
  if (auto first = monitor.read(); !first) return std::unexpected(first.error());
  return monitor;
}

Result<std::vector<std::string>> LinkMonitor::read() {
  if (auto taken = take_events(); !taken) return std::unexpected(taken.error());
  std::vector<std::string> changed;
  for (auto& [name, known] : watched_) {
    LinkState now = table_.state(name);
    if (now == known) continue;
    known = std::move(now);
    changed.push_back(name);
  }
  return changed;
}

Result<void> LinkMonitor::take_events() {
  const auto drained = events_.read([this](const Message& event) { table_.apply(event); });
  if (!drained || *drained == NetlinkEvents::Drained::overrun) in_step_ = false;
  if (!drained) return std::unexpected(drained.error());
  if (!in_step_) return read_everything();
  return table_.routes_stale() ? read_routes() : Result<void>();
}

Result<void> LinkMonitor::read_everything() {
  const auto links = socket_.dump(all_links_request(), parse_link);
  if (!links) return std::unexpected(links.error());
  const auto addresses = socket_.dump(all_addresses_request(), parse_address);
  if (!addresses) return std::unexpected(addresses.error());
  table_.set_links(*links);
  table_.set_addresses(*addresses);
  if (auto routes = read_routes(); !routes) return routes;
  in_step_ = true;
  return {};
}

Result<void> LinkMonitor::read_routes() {
  auto routes = socket_.dump(all_routes_request(), parse_default_route);
  if (!routes) return std::unexpected(routes.error());
  table_.set_default_routes(*std::move(routes));
  return {};
}

const LinkState& LinkMonitor::state(std::string_view name) const {
  const auto found = watched_.find(name);
  assert(found != watched_.end());
  return found->second;
}

void LinkMonitor::watch(const std::string& name) { watched_.insert_or_assign(name, table_.state(name)); }

void LinkMonitor::forget(std::string_view name) {
  if (const auto found = watched_.find(name); found != watched_.end()) watched_.erase(found);
}

}  // namespace mpquic::system
