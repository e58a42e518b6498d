#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mpquic::doctor {

/// A member that is text; empty when there is none.
std::string text_of(const nlohmann::json& object, const char* key);

/// A chain of nftables, its rules as libnftables-json(5) has them.
struct NftChain {
  std::string family, table, name;
  std::string type, hook, policy;     ///< empty unless it is a base chain
  std::vector<nlohmann::json> rules;  ///< arrays of expressions and statements

  bool sees(std::string_view address_family) const { return family == "inet" || family == address_family; }
};

/// Everything that filters IP packets: tables of families ip, ip6 and inet.
class NftRuleset {
 public:
  /// From the JSON of `list ruleset`.
  static Result<NftRuleset> parse(const std::string& json);

  const std::vector<NftChain>& chains() const { return chains_; }
  const NftChain* find(const NftChain& beside, const std::string& name) const;  ///< in the same table
  /// Elements of a named set or map of that table; nullptr: there is none.
  const nlohmann::json* elements(const NftChain& beside, const std::string& name) const;

 private:
  std::vector<NftChain> chains_;
  std::map<std::string, nlohmann::json> sets_;  ///< by family, table and name
};

}  // namespace mpquic::doctor
