#include "masque/scope.h"

#include <algorithm>

#include "packet/icmp.h"
#include "packet/ip.h"

namespace mpquic::masque {

Limits limits_of(const Scope& scope, std::span<const packet::Prefix> resolved) {
  Limits limits{std::nullopt, scope.protocol};
  if (const auto* prefix = std::get_if<packet::Prefix>(&scope.target)) limits.targets = {*prefix};
  if (std::holds_alternative<std::string>(scope.target)) limits.targets.emplace(resolved.begin(), resolved.end());
  return limits;
}

bool allows(const Limits& limits, Bytes packet, bool from_client) {
  const auto view = packet::IpView::parse(packet);
  if (!view) return false;
  const bool is_icmp = packet::is_icmp(*view);
  if (limits.protocol && *limits.protocol != view->protocol() && !is_icmp) return false;
  if (!limits.targets || (!from_client && packet::is_icmp_error(*view))) return true;
  const packet::Address other_end = from_client ? view->destination() : view->source();
  return std::ranges::any_of(*limits.targets, [&](const packet::Prefix& target) { return target.contains(other_end); });
}

}  // namespace mpquic::masque
