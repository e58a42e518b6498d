#include "policy/numbers.h"

#include <fmt/format.h>

#include <cassert>
#include <charconv>
#include <set>

#include "policy/listing.h"
#include "system/nftables.h"

namespace mpquic::policy {
namespace {

constexpr std::string_view prefix = "number/";

}  // namespace

std::string destination_key(std::string_view tunnel, std::string_view fallback) {
  return fallback.empty() ? system::nft_identifier(tunnel)
                          : system::nft_identifier(tunnel) + '/' + system::nft_identifier(fallback);
}

Numbers assign_numbers(const std::vector<std::string>& wanted, const Numbers& before, std::uint32_t count) {
  Numbers numbers;
  std::set<std::uint32_t> taken;
  const auto keep = [&](const std::string& key) {
    const auto had = before.find(key);
    if (had != before.end() && had->second < count && taken.insert(had->second).second) numbers.insert(*had);
  };
  for (const std::string& key : wanted) keep(key);
  std::set<std::uint32_t> remembered = taken;
  for (const auto& [key, number] : before) remembered.insert(number);
  const auto first_outside = [&](const std::set<std::uint32_t>& set) {
    std::uint32_t number = 0;
    while (set.contains(number)) ++number;
    return number;
  };
  for (const std::string& key : wanted) {
    if (numbers.contains(key)) continue;
    std::uint32_t number = first_outside(remembered);
    if (number >= count) number = first_outside(taken);
    assert(number < count);
    taken.insert(number);
    remembered.insert(number);
    numbers[key] = number;
  }
  for (const auto& [key, number] : before) keep(key);
  return numbers;
}

std::vector<std::string> chains_of(const Numbers& numbers) {
  std::vector<std::string> chains;
  for (const auto& [key, number] : numbers) chains.push_back(fmt::format("{}{}/{}", prefix, number, key));
  return chains;
}

void read_number(std::string_view chain, Numbers& numbers) {
  if (!chain.starts_with(prefix)) return;
  chain.remove_prefix(prefix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(chain.data(), chain.data() + chain.size(), number);
  const std::string_view key = chain.substr(static_cast<std::size_t>(end - chain.data()));
  if (error == std::errc() && key.starts_with('/')) numbers[std::string(key.substr(1))] = number;
}

Numbers read_numbers(const std::string& listing) {
  Numbers numbers;
  for (const std::string& chain : chains_in(listing)) read_number(chain, numbers);
  return numbers;
}

}  // namespace mpquic::policy
