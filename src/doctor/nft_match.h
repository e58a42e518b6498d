#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "doctor/nft_ruleset.h"
#include "packet/address.h"

namespace mpquic::doctor {

/// A kind of packet, as far as it is known: what is absent may be anything.
struct Flow {
  std::string family = "ip";          ///< or "ip6"
  std::optional<std::string> input;   ///< interface; empty: made on this machine
  std::optional<std::string> output;  ///< empty: for this machine
  std::optional<std::string> protocol;
  std::optional<std::uint16_t> source_port, destination_port;
  std::optional<packet::Address> source, destination;
  std::string state = "new";  ///< of its connection, to conntrack
};

/// What can be said of a condition without seeing the packet. Ordered: the conjunction is the least.
enum class Truth : std::uint8_t { no, maybe, yes };

/// Of a `match` of a rule in `chain`.
Truth matches(const nlohmann::json& match, const Flow& flow, const NftRuleset& ruleset, const NftChain& chain);

/// Whether `key` of the packet is `value`, an element of a set or the left side of a verdict map.
Truth is(const nlohmann::json& key, const nlohmann::json& value, const Flow& flow, const NftRuleset& ruleset,
         const NftChain& chain);

}  // namespace mpquic::doctor
