#include "config/classify.h"

#include <algorithm>

#include "config/suggest.h"
#include "config/values.h"

namespace mpquic::config {
namespace {

constexpr unsigned last_vlan = 4094;  // IEEE 802.1Q-2022, table 9-2: 0 and 4095 are reserved

/// "21" is a VLAN; "2Y" stands for 21 to 29, a class each.
struct VlanPattern {
  unsigned vlan = 0;
  bool scheme = false;

  /// The VLAN of the class in a digit's place.
  unsigned of(unsigned digit) const { return vlan + digit; }
};

Result<VlanPattern> parse_vlan_pattern(std::string_view text) {
  if (!text.ends_with('Y')) {
    const auto number = parse_vlan(text);
    return number ? Result<VlanPattern>({*number, false}) : std::unexpected(number.error());
  }
  const auto first = parse_vlan(std::string(text.substr(0, text.size() - 1)) + "1");
  if (!first) return std::unexpected(first.error());
  if (*first + 8 > last_vlan) return failure("{} goes beyond VLAN {}", in_quotes(text), last_vlan);
  return VlanPattern{*first - 1, true};
}

Result<unsigned> parse_digit(std::string_view text) {
  if (text.size() != 1 || text[0] < '1' || text[0] > '9') {
    return failure("{} is no digit that the Y of the VLAN could stand for (1 to 9)", in_quotes(text));
  }
  return static_cast<unsigned>(text[0] - '0');
}

void read_traffic(Fields& fields, Traffic& traffic) {
  fields.read_list("interface", traffic.interfaces, parse_interface);
  fields.read_list("source", traffic.sources, parse_prefix);
  fields.read_list("destination", traffic.destinations, parse_prefix);
  fields.read("protocol", traffic.protocol, parse_protocol);
  fields.read_list("source_port", traffic.source_ports, parse_ports);
  fields.read_list("destination_port", traffic.destination_ports, parse_ports);
  fields.read_list("dscp", traffic.dscp, parse_dscp);

  const bool ports = !traffic.source_ports.empty() || !traffic.destination_ports.empty();
  if (ports && (!traffic.protocol || !has_ports(traffic.protocol->value))) {
    const auto& first = traffic.source_ports.empty() ? traffic.destination_ports : traffic.source_ports;
    fields.problems().error(first.front().place, "ports need a protocol that has them (tcp, udp, sctp, dccp)");
  }
  const auto same_version = [&](const auto& source) {
    return std::ranges::any_of(traffic.destinations, [&](const auto& destination) {
      return source->address().family() == destination->address().family();
    });
  };
  if (!traffic.sources.empty() && !traffic.destinations.empty() &&
      std::ranges::none_of(traffic.sources, same_version)) {
    fields.problems().error(traffic.destinations[0].place, "sources and destinations are of two IP versions");
  }
}

template <class T>
bool all_within(const std::vector<Located<T>>& narrow, const std::vector<Located<T>>& wide, auto holds) {
  if (wide.empty()) return true;
  if (narrow.empty()) return false;
  return std::ranges::all_of(narrow, [&](const auto& one) {
    return std::ranges::any_of(wide, [&](const auto& other) { return holds(other.value, one.value); });
  });
}

/// Whether whatever matches `narrow` also matches `wide`.
bool covers(const Traffic& wide, const Traffic& narrow) {
  // With `vlan`, an interface stands for the VLAN's on top of it.
  if (!wide.interfaces.empty() && wide.vlans.empty() != narrow.vlans.empty()) return false;
  const auto same = [](const auto& one, const auto& other) { return one == other; };
  const auto contains = [](const auto& one, const auto& other) { return one.contains(other); };
  return all_within(narrow.interfaces, wide.interfaces, same) && all_within(narrow.vlans, wide.vlans, same) &&
         all_within(narrow.sources, wide.sources, contains) &&
         all_within(narrow.destinations, wide.destinations, contains) &&
         (!wide.protocol || (narrow.protocol && narrow.protocol->value == wide.protocol->value)) &&
         all_within(narrow.source_ports, wide.source_ports, contains) &&
         all_within(narrow.destination_ports, wide.destination_ports, contains) &&
         all_within(narrow.dscp, wide.dscp, same);
}

class RuleReader {
 public:
  RuleReader(const std::vector<ClientTunnel>& tunnels, const std::vector<Lan>& lans, Problems& problems)
      : tunnels_(tunnels), lans_(lans), problems_(problems) {}

  void read(const Node& node) {
    ClassRule rule;
    rule.place = node.place;
    Fields fields(node, node.place, "the rule", problems_);
    read_traffic(fields, rule.traffic);
    read_lans(fields, rule.traffic);
    fields.read("fallback", rule.fallback, parse_name);
    fields.read("policy", rule.policy, parse_policy);
    std::vector<Located<VlanPattern>> vlans;
    fields.read_list("vlan", vlans, parse_vlan_pattern);
    const bool any_scheme = std::ranges::any_of(vlans, [](const auto& each) { return each->scheme; });
    if (any_scheme || fields.has("tunnels")) {
      if (!any_scheme || vlans.size() > 1) {
        problems_.error(rule.place, "tunnels go with one VLAN scheme, such as vlan: 2Y");
      }
      read_scheme(fields, rule, vlans.empty() ? Located<VlanPattern>() : vlans.front());
    } else {
      for (const auto& [pattern, place] : vlans) rule.traffic.vlans.emplace_back(pattern.vlan, place);
      read_tunnel_or_class(fields, rule);
    }
    fields.finish();
  }

  std::vector<ClassRule> take() { return std::move(rules_); }

 private:
  // A LAN is its interface.
  void read_lans(Fields& fields, Traffic& traffic) {
    std::vector<Located<std::string>> names;
    fields.read_list("lan", names, parse_name);
    if (!names.empty() && (fields.has("interface") || fields.has("vlan"))) {
      problems_.error(names.front().place, "a LAN says which interface it is: no other and no VLAN beside it");
    }
    for (const Located<std::string>& name : names) {
      const auto lan = std::ranges::find(lans_, name.value, &Lan::name);
      if (lan != lans_.end()) {
        traffic.interfaces.emplace_back(lan->interface, name.place);
      } else {
        problems_.error(name.place, "no LAN is named {}{}", in_quotes(name.value),
                        did_you_mean(name.value, names_of(lans_)));
      }
    }
  }

  // `tunnels` says which digit in the place of the Y is which tunnel.
  void read_scheme(Fields& fields, const ClassRule& common, const Located<VlanPattern>& pattern) {
    fields.require("tunnels");
    for (const Entry& entry : fields.read_named("tunnels")) {
      const auto digit = parse_digit(entry.key);
      if (!digit) problems_.error(entry.place, "{}", digit.error().message);
      if (entry.value.kind != Node::Kind::scalar) {
        problems_.error(entry.value.place, "the name of a tunnel must stand here");
        continue;
      }
      ClassRule rule = common;
      rule.traffic.vlans = {{pattern->of(digit.value_or(1)), pattern.place}};
      rule.tunnel = {entry.value.text, entry.value.place};
      add(std::move(rule));
    }
  }

  void read_tunnel_or_class(Fields& fields, ClassRule& rule) {
    std::optional<Located<TrafficClass>> wanted;
    fields.read("tunnel", rule.tunnel, parse_name);
    fields.read("class", wanted, parse_class);
    if (!wanted) {
      fields.require("tunnel");
    } else if (fields.has("tunnel")) {
      problems_.error(wanted->place, "either a tunnel or a class says where the traffic goes, not both");
    } else {
      rule.tunnel = {only_tunnel_of(*wanted), wanted->place};
    }
    add(std::move(rule));
  }

  std::string only_tunnel_of(const Located<TrafficClass>& wanted) {
    const ClientTunnel* found = nullptr;
    for (const ClientTunnel& tunnel : tunnels_) {
      if (tunnel.traffic_class != wanted.value) continue;
      if (found != nullptr) {
        problems_.error(wanted.place,
                        "class {} has several tunnels ({} and {}): name one with tunnel:", name(wanted.value),
                        found->name, tunnel.name);
        return {};
      }
      found = &tunnel;
    }
    if (found == nullptr) problems_.error(wanted.place, "no tunnel is of class {}", name(wanted.value));
    return found != nullptr ? found->name : std::string();
  }

  void add(ClassRule rule) {
    check_tunnel(rule.tunnel);
    if (rule.fallback) check_tunnel(*rule.fallback);
    if (rule.fallback && rule.fallback->value == rule.tunnel.value) {
      problems_.error(rule.fallback->place, "the fallback of {} is itself", in_quotes(rule.tunnel.value));
    }
    const auto earlier =
        std::ranges::find_if(rules_, [&](const auto& other) { return covers(other.traffic, rule.traffic); });
    if (earlier != rules_.end()) {
      problems_.error(rule.place, "this rule can never match: the one on line {} takes all of it", earlier->place.line);
    }
    rules_.push_back(std::move(rule));
  }

  void check_tunnel(const Located<std::string>& wanted) {
    const auto names = names_of(tunnels_);
    if (wanted->empty() || std::ranges::find(names, wanted.value) != names.end()) return;
    problems_.error(wanted.place, "no tunnel is named {}{}", in_quotes(wanted.value),
                    did_you_mean(wanted.value, names));
  }

  const std::vector<ClientTunnel>& tunnels_;
  const std::vector<Lan>& lans_;
  Problems& problems_;
  std::vector<ClassRule> rules_;
};

}  // namespace

std::vector<ClassRule> read_classify(Fields& top, const std::vector<ClientTunnel>& tunnels,
                                     const std::vector<Lan>& lans) {
  RuleReader reader(tunnels, lans, top.problems());
  for (const Node* node : top.read_maps("classify")) reader.read(*node);
  return reader.take();
}

}  // namespace mpquic::config
