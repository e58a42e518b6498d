#include "daemon/class_policies.h"

#include <algorithm>

#include "daemon/status.h"
#include "packet/ip.h"

namespace mpquic::daemon {
namespace {

std::uint8_t dscp_of(Bytes packet, const packet::IpView& view) {
  return view.is_ipv4() ? packet[1] >> 2 : static_cast<std::uint8_t>((load_be16(packet.data()) >> 6) & 0x3f);
}

template <typename Value, typename Matches>
bool any_of(const std::vector<config::Located<Value>>& wanted, Matches&& matches) {
  return wanted.empty() ||
         std::ranges::any_of(wanted, [&](const config::Located<Value>& each) { return matches(each.value); });
}

bool has_ports(const packet::IpView& view, const config::Traffic& traffic) {
  if (traffic.source_ports.empty() && traffic.destination_ports.empty()) return true;
  if (view.is_later_fragment() || view.transport().size() < 4) return false;
  const std::uint16_t source = load_be16(view.transport().data());
  const std::uint16_t destination = load_be16(view.transport().data() + 2);
  const auto holds = [](std::uint16_t port) {
    return [port](const config::PortRange& range) { return range.first <= port && port <= range.last; };
  };
  return any_of(traffic.source_ports, holds(source)) && any_of(traffic.destination_ports, holds(destination));
}

// What a packet does not show, its interface or VLAN, no rule with a policy asks for (config/check_paths.h).
bool matches(const config::Traffic& traffic, Bytes packet, const packet::IpView& view) {
  if (!traffic.interfaces.empty() || !traffic.vlans.empty()) return false;
  if (traffic.protocol && traffic.protocol->value != view.protocol()) return false;
  const std::uint8_t dscp = dscp_of(packet, view);
  if (!any_of(traffic.dscp, [&](std::uint8_t wanted) { return wanted == dscp; })) return false;
  const packet::Address source = view.source();
  const packet::Address destination = view.destination();
  return any_of(traffic.sources, [&](const packet::Prefix& prefix) { return prefix.contains(source); }) &&
         any_of(traffic.destinations, [&](const packet::Prefix& prefix) { return prefix.contains(destination); }) &&
         has_ports(view, traffic);
}

}  // namespace

ClassPolicies::ClassPolicies(const config::ClientConfig& client, const std::string& tunnel) {
  for (const config::ClassRule& rule : client.classify) {
    if (rule.tunnel.value != tunnel) continue;
    rules_.push_back({rule.traffic, {}});
    if (rule.policy) rules_.back().policy = policy_of(rule.policy->value);
  }
  while (!rules_.empty() && !rules_.back().policy) rules_.pop_back();
}

std::optional<tunnel::Policy> ClassPolicies::of(Bytes packet) const {
  if (rules_.empty()) return std::nullopt;
  const auto view = packet::IpView::parse_front(packet, packet.size());
  if (!view) return std::nullopt;
  const auto rule =
      std::ranges::find_if(rules_, [&](const Rule& each) { return matches(each.traffic, packet, *view); });
  return rule == rules_.end() ? std::nullopt : rule->policy;
}

}  // namespace mpquic::daemon
