#include "doctor/nft_ruleset.h"

#include <algorithm>

namespace mpquic::doctor {
namespace {

using nlohmann::json;

std::string key_of(const std::string& family, const std::string& table, const std::string& name) {
  return family + ' ' + table + ' ' + name;
}

bool is_ip(const std::string& family) { return family == "ip" || family == "ip6" || family == "inet"; }

}  // namespace

std::string text_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<NftRuleset> NftRuleset::parse(const std::string& source) {
  const json all = json::parse(source, nullptr, false);
  const auto list = all.is_object() ? all.find("nftables") : all.end();
  if (!all.is_object() || list == all.end() || !list->is_array()) return failure("not the JSON of nftables");
  NftRuleset ruleset;
  for (const json& entry : *list) {
    if (!entry.is_object()) continue;
    for (const auto& [kind, object] : entry.items()) {
      if (!object.is_object() || !is_ip(text_of(object, "family"))) continue;
      const std::string family = text_of(object, "family"), table = text_of(object, "table");
      if (kind == "chain") {
        ruleset.chains_.push_back({family,
                                   table,
                                   text_of(object, "name"),
                                   text_of(object, "type"),
                                   text_of(object, "hook"),
                                   text_of(object, "policy"),
                                   {}});
      } else if (kind == "set" || kind == "map") {
        ruleset.sets_[key_of(family, table, text_of(object, "name"))] = object.value("elem", json::array());
      } else if (kind == "rule") {
        const std::string chain = text_of(object, "chain");
        const auto home = std::ranges::find_if(ruleset.chains_, [&](const NftChain& one) {
          return one.family == family && one.table == table && one.name == chain;
        });
        if (home != ruleset.chains_.end()) home->rules.push_back(object.value("expr", json::array()));
      }
    }
  }
  return ruleset;
}

const NftChain* NftRuleset::find(const NftChain& beside, const std::string& name) const {
  const auto found = std::ranges::find_if(chains_, [&](const NftChain& one) {
    return one.family == beside.family && one.table == beside.table && one.name == name;
  });
  return found == chains_.end() ? nullptr : &*found;
}

const json* NftRuleset::elements(const NftChain& beside, const std::string& name) const {
  const auto found = sets_.find(key_of(beside.family, beside.table, name));
  return found == sets_.end() ? nullptr : &found->second;
}

}  // namespace mpquic::doctor
