#pragma once

#include <optional>
#include <string>

#include "doctor/nft_match.h"

namespace mpquic::doctor {

/// What a base chain does to a flow, as far as its rules can be judged without seeing packets.
struct Judgement {
  enum class Fate : std::uint8_t { passes, perhaps_dropped, dropped };

  Fate fate = Fate::passes;
  std::string by;  ///< unless it passes: "its policy, and no rule accepts it", "its rule 3"
};

/// Conditions that can't be judged (marks, limits, matches of iptables) may hold or not: a rule with one that accepts
/// makes a drop doubtful; a rule with one that drops counts only where it names the flow's port or interface.
Judgement judge(const NftRuleset& ruleset, const NftChain& base_chain, const Flow& flow);

}  // namespace mpquic::doctor
