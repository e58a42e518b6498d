#include "policy/ruleset.h"

#include <fmt/format.h>

#include <algorithm>

namespace mpquic::policy {
namespace {

using Family = packet::Address::Family;

std::string in_braces(const std::vector<std::string>& elements) {
  std::string text;
  for (const std::string& element : elements) text += (text.empty() ? "{ " : ", ") + element;
  return text + " }";
}

// A set of nft holds no element that another holds.
std::vector<std::string> prefixes_of(const std::vector<config::Located<packet::Prefix>>& all, Family family) {
  std::vector<packet::Prefix> chosen;
  for (const auto& prefix : all) {
    if (prefix->address().family() == family) chosen.push_back(prefix.value);
  }
  std::vector<std::string> texts;
  std::ranges::sort(chosen);
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  for (const packet::Prefix& prefix : chosen) {
    const bool held = std::ranges::any_of(
        chosen, [&](const packet::Prefix& other) { return other != prefix && other.contains(prefix); });
    if (!held) texts.push_back(prefix.to_string());
  }
  return texts;
}

std::vector<std::string> ports_of(std::vector<config::Located<config::PortRange>> all) {
  std::ranges::sort(all, {}, [](const auto& range) { return range->first; });
  std::vector<config::PortRange> merged;
  for (const auto& range : all) {
    if (!merged.empty() && range->first <= merged.back().last) {
      merged.back().last = std::max(merged.back().last, range->last);
    } else {
      merged.push_back(range.value);
    }
  }
  std::vector<std::string> texts;
  for (const config::PortRange& range : merged) texts.push_back(range.to_string());
  return texts;
}

bool names_addresses(const config::Traffic& traffic) {
  return !traffic.sources.empty() || !traffic.destinations.empty();
}

bool has_family(const std::vector<config::Located<packet::Prefix>>& prefixes, Family family) {
  return prefixes.empty() ||
         std::ranges::any_of(prefixes, [&](const auto& one) { return one->address().family() == family; });
}

std::string network_layer(const config::Traffic& traffic, Family family) {
  const std::string_view ip = family == Family::ipv4 ? "ip" : "ip6";
  std::string text;
  if (!traffic.sources.empty())
    text += fmt::format("{} saddr {} ", ip, in_braces(prefixes_of(traffic.sources, family)));
  if (!traffic.destinations.empty()) {
    text += fmt::format("{} daddr {} ", ip, in_braces(prefixes_of(traffic.destinations, family)));
  }
  if (!traffic.dscp.empty()) {
    std::vector<std::string> values;
    for (const auto& dscp : traffic.dscp) values.push_back(std::to_string(dscp.value));
    text += fmt::format("{} dscp {} ", ip, in_braces(values));
  }
  return text;
}

}  // namespace

void Ruleset::begin_chain(std::string_view name, std::string_view hook) {
  text_ += fmt::format("  chain {} {{\n", name);
  if (!hook.empty()) add("{}; policy accept;", hook);
}

std::string quoted_set(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back('"' + name + '"');
  return in_braces(quoted);
}

std::vector<std::string> matches(const config::Traffic& traffic, const std::vector<std::string>& interfaces) {
  std::string before;
  if (!interfaces.empty()) before = fmt::format("iifname {} ", quoted_set(interfaces));
  std::string after;
  if (traffic.protocol) after += fmt::format("meta l4proto {} ", traffic.protocol->value);
  if (!traffic.source_ports.empty()) after += fmt::format("th sport {} ", in_braces(ports_of(traffic.source_ports)));
  if (!traffic.destination_ports.empty()) {
    after += fmt::format("th dport {} ", in_braces(ports_of(traffic.destination_ports)));
  }
  if (!names_addresses(traffic) && traffic.dscp.empty()) return {before + after};
  std::vector<std::string> all;
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    if (!has_family(traffic.sources, family) || !has_family(traffic.destinations, family)) continue;
    all.push_back(before + network_layer(traffic, family) + after);
  }
  return all;
}

std::string set_mark(std::string_view of, std::uint32_t bits, std::uint32_t mask) {
  return fmt::format("{0} mark set {0} mark & {1:#010x} | {2:#010x}", of, ~mask, bits);
}

void add_mss_clamp(Ruleset& rules, const std::string& tunnel, unsigned mtu) {
  constexpr unsigned ipv4_headers = 20 + 20, ipv6_headers = 40 + 20;
  if (mtu <= ipv6_headers) return;
  // nft's "set" of this option only ever lowers it.
  for (const std::string_view direction : {"iifname", "oifname"}) {
    rules.add("{} \"{}\" meta nfproto ipv4 tcp flags & (syn | rst) == syn tcp option maxseg size set {}", direction,
              tunnel, mtu - ipv4_headers);
    rules.add("{} \"{}\" meta nfproto ipv6 tcp flags & (syn | rst) == syn tcp option maxseg size set {}", direction,
              tunnel, mtu - ipv6_headers);
  }
}

}  // namespace mpquic::policy
