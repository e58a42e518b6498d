#include "doctor/nft_match.h"

#include <algorithm>
#include <variant>

namespace mpquic::doctor {
namespace {

using nlohmann::json;

struct Unknown {};  ///< may be anything
struct Lacking {};  ///< such a packet has no such thing, so that nothing matches it
using Value = std::variant<Unknown, Lacking, std::string, std::uint64_t, packet::Address>;

template <class T>
Value known(const std::optional<T>& value) {
  if (!value) return Unknown{};
  if constexpr (std::is_same_v<T, std::uint16_t>) {
    return std::uint64_t{*value};
  } else {
    return *value;
  }
}

Value meta_value(const std::string& key, const Flow& flow) {
  if (key == "iifname" || key == "iif") return known(flow.input);
  if (key == "oifname" || key == "oif") return known(flow.output);
  if (key == "l4proto") return known(flow.protocol);
  if (key == "nfproto") return std::string(flow.family == "ip" ? "ipv4" : "ipv6");
  if (key == "protocol") return flow.family;
  return Unknown{};
}

Value port_value(const std::string& field, const Flow& flow) {
  if (field == "dport") return known(flow.destination_port);
  if (field == "sport") return known(flow.source_port);
  return Unknown{};
}

Value payload_value(const std::string& protocol, const std::string& field, const Flow& flow) {
  if (protocol == "ip" || protocol == "ip6") {
    if (protocol != flow.family) return Lacking{};
    if (field == "saddr") return known(flow.source);
    if (field == "daddr") return known(flow.destination);
    if (field == "protocol" || field == "nexthdr") return known(flow.protocol);
    return Unknown{};
  }
  if (protocol == "th") return port_value(field, flow);
  if (!flow.protocol) return Unknown{};
  if (protocol != flow.protocol) return Lacking{};
  return port_value(field, flow);
}

Value value_of(const json& key, const Flow& flow) {
  if (!key.is_object()) return Unknown{};
  if (const auto meta = key.find("meta"); meta != key.end()) return meta_value(text_of(*meta, "key"), flow);
  if (const auto payload = key.find("payload"); payload != key.end()) {
    return payload_value(text_of(*payload, "protocol"), text_of(*payload, "field"), flow);
  }
  if (const auto ct = key.find("ct"); ct != key.end() && text_of(*ct, "key") == "state") return flow.state;
  // Only what comes in for this machine is asked whether it is for this machine.
  if (const auto fib = key.find("fib");
      fib != key.end() && text_of(*fib, "result") == "type" && fib->is_object() && flow.output == "") {
    const json flags = fib->value("flags", json::array());
    if (flags == json::array({"daddr"}) || flags == json("daddr")) return std::string("local");
  }
  return Unknown{};
}

Truth truth(bool value) { return value ? Truth::yes : Truth::no; }

Truth is_text(const std::string& value, const json& wanted) {
  if (!wanted.is_string()) return Truth::maybe;
  const std::string pattern = wanted.get<std::string>();
  if (pattern.ends_with('*')) return truth(value.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1)));
  return truth(value == pattern);
}

Truth is_number(std::uint64_t value, const json& wanted) {
  if (wanted.is_number_unsigned()) return truth(value == wanted.get<std::uint64_t>());
  const auto range = wanted.is_object() ? wanted.find("range") : wanted.end();
  if (!wanted.is_object() || range == wanted.end() || range->size() != 2 || !range->front().is_number_unsigned() ||
      !range->back().is_number_unsigned()) {
    return Truth::maybe;
  }
  return truth(value >= range->front().get<std::uint64_t>() && value <= range->back().get<std::uint64_t>());
}

std::optional<packet::Address> address(const json& value) {
  return value.is_string() ? packet::Address::parse(value.get<std::string>()) : std::nullopt;
}

Truth is_address(const packet::Address& value, const json& wanted) {
  if (const auto other = address(wanted)) return truth(value == *other);
  if (!wanted.is_object()) return Truth::maybe;
  if (const auto prefix = wanted.find("prefix"); prefix != wanted.end()) {
    const auto base = prefix->is_object() ? address(prefix->value("addr", json())) : std::nullopt;
    const auto length = prefix->is_object() ? prefix->value("len", json()) : json();
    if (!base || !length.is_number_unsigned() || length.get<unsigned>() > base->bits()) return Truth::maybe;
    return truth(packet::Prefix(*base, length.get<unsigned>()).contains(value));
  }
  const auto range = wanted.find("range");
  if (range == wanted.end() || range->size() != 2) return Truth::maybe;
  const auto first = address(range->front()), last = address(range->back());
  if (!first || !last) return Truth::maybe;
  return truth(*first <= value && value <= *last);
}

struct Compare {
  const json& wanted;
  Truth operator()(Unknown) const { return Truth::maybe; }
  Truth operator()(Lacking) const { return Truth::no; }
  Truth operator()(const std::string& value) const { return is_text(value, wanted); }
  Truth operator()(std::uint64_t value) const { return is_number(value, wanted); }
  Truth operator()(const packet::Address& value) const { return is_address(value, wanted); }
};

Truth opposite(Truth truth) {
  switch (truth) {
    case Truth::no: return Truth::yes;
    case Truth::maybe: return Truth::maybe;
    case Truth::yes: return Truth::no;
  }
  return Truth::maybe;
}

bool is_lacking(const json& key, const Flow& flow) { return std::holds_alternative<Lacking>(value_of(key, flow)); }

}  // namespace

Truth is(const json& key, const json& value, const Flow& flow, const NftRuleset& ruleset, const NftChain& chain) {
  const auto any_of = [&](const json& list) {
    Truth best = Truth::no;
    for (const json& one : list) best = std::max(best, is(key, one, flow, ruleset, chain));
    return best;
  };
  if (value.is_array()) return any_of(value);
  if (value.is_string() && value.get<std::string>() == "*") return Truth::yes;  // of a map: whatever else
  if (value.is_string() && value.get<std::string>().starts_with('@')) {
    const json* elements = ruleset.elements(chain, value.get<std::string>().substr(1));
    return elements != nullptr ? any_of(*elements) : Truth::maybe;
  }
  if (value.is_object()) {
    if (const auto set = value.find("set"); set != value.end()) return any_of(*set);
    if (const auto element = value.find("elem"); element != value.end() && element->is_object()) {
      return is(key, element->value("val", json()), flow, ruleset, chain);
    }
    if (const auto parts = value.find("concat"); parts != value.end()) {
      const auto keys = key.is_object() ? key.find("concat") : key.end();
      if (!key.is_object() || keys == key.end() || keys->size() != parts->size()) return Truth::maybe;
      Truth all = Truth::yes;
      for (std::size_t i = 0; i < keys->size(); ++i) {
        all = std::min(all, is((*keys)[i], (*parts)[i], flow, ruleset, chain));
      }
      return all;
    }
  }
  return std::visit(Compare{value}, value_of(key, flow));
}

Truth matches(const json& match, const Flow& flow, const NftRuleset& ruleset, const NftChain& chain) {
  if (!match.is_object()) return Truth::maybe;
  const json left = match.value("left", json()), right = match.value("right", json());
  const std::string op = text_of(match, "op");
  if (is_lacking(left, flow)) return Truth::no;
  const Truth equal = is(left, right, flow, ruleset, chain);
  if (op == "==" || op == "in") return equal;
  return op == "!=" ? opposite(equal) : Truth::maybe;
}

}  // namespace mpquic::doctor
