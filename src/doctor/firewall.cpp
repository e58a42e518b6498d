// Other people's firewalls: what of ours would they drop?
#include <algorithm>
#include <array>
#include <set>

#include "doctor/examine.h"
#include "doctor/nft_verdict.h"
#include "system/kernel_slot.h"

namespace mpquic::doctor {
namespace {

using Fate = Judgement::Fate;

/// A kind of packet that must pass these hooks.
struct Need {
  std::vector<std::string_view> hooks;
  Flow flow;
  std::string what;     ///< "UDP for port 45010"
  std::string match;    ///< in the language of nft(8), of a rule that would let it in
  bool proved = false;  ///< such packets have been seen to pass
};

std::string family_of(const packet::Address& address) { return address.is_ipv4() ? "ip" : "ip6"; }

bool is_up(const Observations& seen, const std::string& tunnel) {
  return seen.node && std::ranges::any_of(seen.node->tunnels, [&](const auto& one) {
           return one.name == tunnel && one.state == "up" && !one.connections.empty();
         });
}

// The QUIC packets of a client, both ways.
void add_way(const std::string& interface, const packet::SocketAddress& server, bool proved, std::vector<Need>& needs) {
  Flow out{.family = family_of(server.address), .input = "", .output = interface, .protocol = "udp"};
  out.destination = server.address;
  out.destination_port = server.port;
  needs.push_back({{"output", "postrouting"},
                   out,
                   fmt::format("UDP to the server {} by {}", server.to_string(), interface),
                   fmt::format("oifname \"{}\" udp dport {}", interface, server.port),
                   proved});
  Flow in{.family = out.family, .input = interface, .output = "", .protocol = "udp"};
  in.source = server.address;
  in.source_port = server.port;
  in.state = "established";
  needs.push_back({{"prerouting", "input"},
                   in,
                   fmt::format("UDP from the server {} by {}", server.to_string(), interface),
                   fmt::format("iifname \"{}\" udp sport {}", interface, server.port),
                   proved});
}

void add_outer(const config::ClientConfig& client, const Observations& seen, std::vector<Need>& needs) {
  std::set<std::pair<std::string, packet::SocketAddress>> known;
  for (const auto& tunnel : client.tunnels) {
    for (const auto& path : tunnel.paths) {
      const config::Link& link = *client.find_link(path.link.value);
      for (const packet::SocketAddress& server : seen.servers_of(path)) {
        if (!known.emplace(link.name, server).second) continue;
        const bool answered = std::ranges::any_of(seen.paths, [&](const ProbedPath& one) {
          return one.link == link.name && one.server == server && one.outcome == ProbedPath::Outcome::answered;
        });
        add_way(link.interface, server, answered || is_up(seen, tunnel.name), needs);
      }
    }
  }
}

void add_listening(const config::ServerConfig& server, const Observations& seen, std::vector<Need>& needs) {
  std::optional<std::string> input;
  if (server.egress) input = server.egress->interface;
  if (!input && seen.uplinks.size() == 1) input = seen.uplinks.front();
  for (const packet::SocketAddress& listen : server.listen_addresses()) {
    const bool proved = std::ranges::any_of(server.tunnels, [&](const config::ServerTunnel& tunnel) {
      return tunnel.listen.value == listen && is_up(seen, tunnel.name);
    });
    std::vector<std::string> families = {family_of(listen.address)};
    if (listen.address.is_unspecified() && !listen.address.is_ipv4()) families = {"ip", "ip6"};
    for (const std::string& family : families) {
      Flow in{.family = family, .input = input, .output = "", .protocol = "udp"};
      in.destination_port = listen.port;
      if (!listen.address.is_unspecified()) in.destination = listen.address;
      needs.push_back({{"prerouting", "input"},
                       in,
                       fmt::format("UDP to port {}, where clients come in", listen.port),
                       fmt::format("udp dport {}", listen.port),
                       proved});
      Flow out{.family = family, .input = "", .output = input, .protocol = "udp"};
      out.source_port = listen.port;
      out.state = "established";
      needs.push_back({{"output", "postrouting"},
                       out,
                       fmt::format("UDP from port {}, the answers to clients", listen.port),
                       fmt::format("udp sport {}", listen.port),
                       proved});
    }
  }
}

void add_forwarded(const std::optional<std::string>& from, const std::string& to, bool answers_only,
                   std::vector<Need>& needs) {
  Flow flow{.family = "ip", .input = from, .output = to};
  if (answers_only) flow.state = "established";
  needs.push_back(
      {{"forward", "postrouting"},
       flow,
       fmt::format("{} forwarded from {} to {}", answers_only ? "answers" : "packets", from.value_or("the LAN"), to),
       fmt::format("{}oifname \"{}\"", from ? fmt::format("iifname \"{}\" ", *from) : "", to),
       false});
}

void add_forwarding(const config::ClientConfig& client, std::vector<Need>& needs) {
  std::set<std::pair<std::string, std::string>> known;
  for (const config::ClassRule& rule : client.classify) {
    if (!rule.traffic.vlans.empty()) continue;  // the interface is found by other means
    for (const auto& lan : rule.traffic.interfaces) {
      if (!known.emplace(lan.value, rule.tunnel.value).second) continue;
      add_forwarded(lan.value, rule.tunnel.value, false, needs);
      add_forwarded(rule.tunnel.value, lan.value, true, needs);
    }
    if (rule.traffic.interfaces.empty() && known.emplace("", rule.tunnel.value).second) {
      add_forwarded(std::nullopt, rule.tunnel.value, false, needs);
    }
  }
}

void add_forwarding(const config::ServerConfig& server, std::vector<Need>& needs) {
  if (!server.egress) return;
  for (const auto& tunnel : server.tunnels) {
    add_forwarded(tunnel.name, server.egress->interface, false, needs);
    add_forwarded(server.egress->interface, tunnel.name, true, needs);
  }
}

bool is_of_iptables(const NftChain& chain) {
  return chain.family != "inet" && chain.table == "filter" &&
         std::isupper(static_cast<unsigned char>(chain.name.front()));
}

std::string mend_of(const NftChain& chain, const Need& need) {
  if (!is_of_iptables(chain)) {
    return fmt::format("nft insert rule {} {} {} {} accept, and where that firewall is configured", chain.family,
                       chain.table, chain.name, need.match);
  }
  const Flow& flow = need.flow;
  std::string match;
  if (flow.protocol) match += " -p " + *flow.protocol;
  if (flow.input && !flow.input->empty()) match += " -i " + *flow.input;
  if (flow.output && !flow.output->empty()) match += " -o " + *flow.output;
  if (flow.source_port) match += fmt::format(" --sport {}", *flow.source_port);
  if (flow.destination_port) match += fmt::format(" --dport {}", *flow.destination_port);
  return fmt::format("{} -I {}{} -j ACCEPT, and where that firewall is configured",
                     chain.family == "ip" ? "iptables" : "ip6tables", chain.name, match);
}

void examine_need(const NftRuleset& ruleset, const Need& need, Findings& findings) {
  for (const NftChain& chain : ruleset.chains()) {
    const bool ours = chain.family == "inet" && system::KernelSlot::parse(chain.table).has_value();
    if (ours || chain.type != "filter" || !chain.sees(need.flow.family)) continue;
    if (std::ranges::find(need.hooks, chain.hook) == need.hooks.end()) continue;
    const Judgement judgement = judge(ruleset, chain, need.flow);
    if (judgement.fate == Fate::passes) continue;
    const bool sure = judgement.fate == Fate::dropped;
    findings.push_back({sure ? Severity::problem : Severity::warning,
                        fmt::format("the firewall {} {}: table {} {}, chain {}: {}", sure ? "drops" : "may drop",
                                    need.what, chain.family, chain.table, chain.name, judgement.by),
                        mend_of(chain, need)});
  }
}

}  // namespace

void examine_firewall(const config::Configuration& configuration, const Observations& seen, Findings& findings) {
  if (seen.legacy_iptables) {
    findings.push_back({Severity::warning, "iptables-legacy has tables in force, which are not looked into",
                        "iptables-legacy-save; ip6tables-legacy-save"});
  }
  if (!seen.nftables) return;
  const auto ruleset = NftRuleset::parse(*seen.nftables);
  if (!ruleset) {
    findings.push_back({Severity::warning, "firewall rules: " + ruleset.error().message, "nft list ruleset"});
    return;
  }
  std::vector<Need> needs;
  if (const auto* client = configuration.client()) {
    add_outer(*client, seen, needs);
    add_forwarding(*client, needs);
  }
  if (const auto* server = configuration.server()) {
    add_listening(*server, seen, needs);
    add_forwarding(*server, needs);
  }
  Findings found;
  for (const Need& need : needs) {
    if (!need.proved) examine_need(*ruleset, need, found);
  }
  // IPv4 and IPv6 may say the same.
  for (Finding& one : found) {
    if (std::ranges::find(findings, one) == findings.end()) findings.push_back(std::move(one));
  }
}

}  // namespace mpquic::doctor
