#include "config/reload.h"

#include <algorithm>

namespace mpquic::config {
namespace {

bool same(const Link& now, const Link& next) { return now.interface == next.interface && now.source == next.source; }

// Priority and weight, and whether the link is metered, are told to the other end at any time.
bool same(const Path& now, const Path& next) {
  return now.link == next.link && now.server == next.server && now.alpn == next.alpn;
}

bool same_device(const Tunnel& now, const Tunnel& next) {
  return now.addresses == next.addresses && now.mtu == next.mtu && now.congestion == next.congestion;
}

bool same(const ClientTunnel& now, const ClientTunnel& next) {
  const auto equal = [](const Path& one, const Path& other) { return same(one, other); };
  const bool both_have_policies = now.policy.has_value() == next.policy.has_value();  // which one may change
  return same_device(now, next) && now.auto_address == next.auto_address && both_have_policies &&
         std::ranges::equal(now.paths, next.paths, equal);
}

bool same(const ServerTunnel& now, const ServerTunnel& next) {
  return same_device(now, next) && now.listen == next.listen && now.alpns == next.alpns;
}

/// `what`: what they are called in the file. Those of a name are compared, in whatever order they stand.
template <class Named>
void compare(std::string_view what, const std::vector<Named>& now, const std::vector<Named>& next, Problems& problems) {
  for (const Named& one : next) {
    const auto before = std::ranges::find(now, one.name, &Named::name);
    if (before == now.end()) {
      problems.error(one.place, "a new {} needs a restart: {}", what, in_quotes(one.name));
    } else if (!same(*before, one)) {
      problems.error(one.place, "{} {} is another one now: that needs a restart", what, in_quotes(one.name));
    }
  }
  for (const Named& one : now) {
    if (std::ranges::find(next, one.name, &Named::name) != next.end()) continue;
    problems.error({}, "{} {} is gone: that needs a restart", what, in_quotes(one.name));
  }
}

}  // namespace

std::vector<Problem> needs_restart(const Configuration& now, const Configuration& next) {
  Problems problems;
  if (now.node.index() != next.node.index()) problems.error({}, "another role needs a restart");
  if (now.control != next.control) problems.error({}, "another control socket needs a restart");
  if (now.workers != next.workers) problems.error({}, "another number of workers needs a restart");
  if (now.client() != nullptr && next.client() != nullptr) {
    compare("link", now.client()->links, next.client()->links, problems);
    compare("tunnel", now.client()->tunnels, next.client()->tunnels, problems);
  }
  if (now.server() != nullptr && next.server() != nullptr) {
    compare("tunnel", now.server()->tunnels, next.server()->tunnels, problems);
    if (now.server()->state != next.server()->state) problems.error({}, "another state directory needs a restart");
  }
  return problems.errors();
}

}  // namespace mpquic::config
