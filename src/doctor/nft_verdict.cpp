#include "doctor/nft_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace mpquic::doctor {
namespace {

using nlohmann::json;

constexpr unsigned deepest = 16;  // the kernel's own limit of jumps

// Statements that change or count packets and let every one go on to the next.
constexpr std::array<std::string_view, 14> neutral = {"counter", "log",  "mangle",   "notrack",   "masquerade",
                                                      "snat",    "dnat", "redirect", "ct helper", "ct timeout",
                                                      "flow",    "fwd",  "dup",      "tproxy"};

bool is_verdict(std::string_view name) {
  constexpr std::array<std::string_view, 8> verdicts = {"accept", "drop", "reject",   "return",
                                                        "jump",   "goto", "continue", "queue"};
  return std::ranges::find(verdicts, name) != verdicts.end();
}

/// A rule held against a flow.
struct Outcome {
  Truth applies = Truth::yes;
  bool names_flow = false;  ///< by its port or interface
  std::string verdict;      ///< empty: none
  std::string target;       ///< of jump and goto
};

void take_verdict(const json& statement, Outcome& outcome) {
  for (const auto& [name, object] : statement.items()) {
    if (!is_verdict(name)) continue;
    outcome.verdict = name;
    outcome.target = text_of(object, "target");
  }
}

bool names(const json& match) {
  const json left = match.value("left", json());
  if (!left.is_object()) return false;
  return text_of(left.value("payload", json()), "field").ends_with("port") ||
         text_of(left.value("meta", json()), "key").ends_with("ifname");
}

class Walk {
 public:
  Walk(const NftRuleset& ruleset, const Flow& flow) : ruleset_(ruleset), flow_(flow) {}

  enum class End : std::uint8_t { accepted, dropped, returned };

  /// `certain`: the flow comes here for sure. Otherwise only what might accept it is looked for.
  End through(const NftChain& chain, bool certain, unsigned depth = 0) {
    if (depth > deepest) return End::returned;
    for (std::size_t i = 0; i < chain.rules.size(); ++i) {
      Outcome outcome = look(chain.rules[i], chain);
      if (outcome.applies == Truth::no || outcome.verdict.empty() || outcome.verdict == "continue") continue;
      const bool sure = certain && outcome.applies == Truth::yes;
      if (outcome.verdict == "return") {
        if (outcome.applies == Truth::yes) return End::returned;
      } else if (outcome.verdict == "drop" || outcome.verdict == "reject") {
        const std::string who = fmt::format("rule {} of chain {}", i + 1, chain.name);
        if (sure) {
          culprit_ = who;
          return End::dropped;
        }
        if (outcome.names_flow && doubtful_.empty()) doubtful_ = who;
        if (outcome.applies == Truth::yes) return End::dropped;
      } else if (outcome.verdict == "jump" || outcome.verdict == "goto") {
        const NftChain* target = ruleset_.find(chain, outcome.target);
        if (target == nullptr) continue;
        const End end = through(*target, sure, depth + 1);
        if (outcome.applies == Truth::yes && (end != End::returned || outcome.verdict == "goto")) return end;
      } else {  // accept, or a queue to a program that decides
        if (sure && outcome.verdict == "accept") return End::accepted;
        may_accept_ = true;
        if (outcome.applies == Truth::yes) return End::accepted;
      }
    }
    return End::returned;
  }

  bool may_accept() const { return may_accept_; }
  const std::string& culprit() const { return culprit_; }
  const std::string& doubtful() const { return doubtful_; }

 private:
  Outcome look(const json& rule, const NftChain& chain) const {
    Outcome outcome;
    for (const json& statement : rule) {
      if (!statement.is_object() || statement.empty()) continue;
      const auto only = statement.cbegin();
      const std::string& name = only.key();
      const json& object = only.value();
      if (name == "match") {
        outcome.applies = std::min(outcome.applies, matches(object, flow_, ruleset_, chain));
        outcome.names_flow = outcome.names_flow || (object.is_object() && names(object));
      } else if (name == "vmap") {
        take_from_map(object, chain, outcome);
      } else if (is_verdict(name)) {
        take_verdict(statement, outcome);
      } else if (name == "xt") {
        take_extension(object, outcome);
      } else if (std::ranges::find(neutral, name) == neutral.end()) {
        outcome.applies = std::min(outcome.applies, Truth::maybe);
      }
    }
    return outcome;
  }

  // A match or target of iptables, of which nftables tells no more than the name.
  static void take_extension(const json& extension, Outcome& outcome) {
    const std::string name = text_of(extension, "name");
    if (text_of(extension, "type") == "target") {
      if (name == "REJECT") outcome.verdict = "reject";
    } else if (name != "comment") {
      outcome.applies = std::min(outcome.applies, Truth::maybe);
    }
  }

  // The first element that fits decides; one that may fit, only when none does for sure.
  void take_from_map(const json& map, const NftChain& chain, Outcome& outcome) const {
    if (!map.is_object()) return;
    const json key = map.value("key", json()), data = map.value("data", json());
    const json* elements = nullptr;
    if (data.is_object() && data.contains("set")) elements = &data["set"];
    if (data.is_string() && data.get<std::string>().starts_with('@')) {
      elements = ruleset_.elements(chain, data.get<std::string>().substr(1));
    }
    Truth best = Truth::no;
    if (elements != nullptr && elements->is_array()) {
      for (const json& element : *elements) {
        if (!element.is_array() || element.size() != 2) continue;
        const Truth fits = is(key, element[0], flow_, ruleset_, chain);
        if (fits <= best) continue;
        best = fits;
        take_verdict(element[1], outcome);
      }
    }
    outcome.applies = std::min(outcome.applies, best);
  }

  const NftRuleset& ruleset_;
  const Flow& flow_;
  bool may_accept_ = false;
  std::string culprit_, doubtful_;
};

}  // namespace

Judgement judge(const NftRuleset& ruleset, const NftChain& base_chain, const Flow& flow) {
  using Fate = Judgement::Fate;
  Walk walk(ruleset, flow);
  Walk::End end = walk.through(base_chain, true);
  std::string by = walk.culprit();
  if (end == Walk::End::returned && base_chain.policy == "drop") {
    end = Walk::End::dropped;
    by = walk.may_accept() ? "policy drop, and no rule that accepts it for sure"
                           : "policy drop, and no rule that accepts it";
  }
  if (end == Walk::End::dropped) return {walk.may_accept() ? Fate::perhaps_dropped : Fate::dropped, by};
  if (!walk.doubtful().empty()) return {Fate::perhaps_dropped, walk.doubtful()};
  return {Fate::passes, {}};
}

}  // namespace mpquic::doctor
