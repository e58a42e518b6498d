#include "masque/path_capsule.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <utility>

#include "masque/capsule.h"
#include "masque/characters.h"
#include "masque/fields.h"
#include "masque/varint.h"

namespace mpquic::masque {
namespace {

using tunnel::Policy;

constexpr std::uint64_t metered_bit = 1;

/// 0 is nobody's: the server is to choose.
std::uint64_t code_of(std::optional<Policy> policy) {
  if (!policy) return 0;
  switch (*policy) {
    case Policy::failover: return 1;
    case Policy::balanced: return 2;
    case Policy::bonded: return 3;
    case Policy::redundant: return 4;
  }
  return 0;
}

std::optional<Policy> policy_of(std::uint64_t code) {
  for (const Policy policy : {Policy::failover, Policy::balanced, Policy::bonded, Policy::redundant}) {
    if (code == code_of(policy)) return policy;
  }
  return std::nullopt;
}

bool is_rank(std::uint64_t value) { return value >= 1 && value <= path_rank_max; }

bool is_path_name(std::string_view name) {
  return !name.empty() && name.size() <= path_name_size_max && std::ranges::all_of(name, is_visible);
}

Result<std::uint32_t> read_rank(Fields& fields, std::string_view name) {
  const auto rank = fields.varint(name);
  if (!rank) return std::unexpected(rank.error());
  if (!is_rank(*rank)) return failure("{} {} is not from 1 to {}", name, *rank, path_rank_max);
  return static_cast<std::uint32_t>(*rank);
}

Result<std::string> read_name(Fields& fields) {
  const auto size = fields.varint("length of the name");
  if (!size) return std::unexpected(size.error());
  const auto bytes = fields.bytes(*size, "name");
  if (!bytes) return std::unexpected(bytes.error());
  std::string name(bytes->begin(), bytes->end());
  if (!is_path_name(name)) return failure("a name has 1 to {} bytes and no blank", path_name_size_max);
  return name;
}

Result<PathDescription> read_path(Fields& fields) {
  const auto priority = read_rank(fields, "priority");
  if (!priority) return std::unexpected(priority.error());
  const auto weight = read_rank(fields, "weight");
  if (!weight) return std::unexpected(weight.error());
  const auto flags = fields.varint("flags");
  if (!flags) return std::unexpected(flags.error());
  const auto policy = fields.varint("policy");
  if (!policy) return std::unexpected(policy.error());
  auto name = read_name(fields);
  if (!name) return std::unexpected(name.error());
  return PathDescription{{*std::move(name), *priority, *weight, (*flags & metered_bit) != 0}, policy_of(*policy)};
}

}  // namespace

Result<PathDescription> parse_path_description(Bytes value) {
  Fields fields(value);
  auto path = read_path(fields);
  if (!path) return failure("PATH: {}", path.error().message);
  return path;
}

void append_path_description(std::vector<std::uint8_t>& to, const PathDescription& path) {
  const tunnel::PathTraits& traits = path.traits;
  assert(is_path_name(traits.name) && is_rank(traits.priority) && is_rank(traits.weight));
  std::vector<std::uint8_t> value;
  append_varint(value, traits.priority);
  append_varint(value, traits.weight);
  append_varint(value, traits.metered ? metered_bit : 0);
  append_varint(value, code_of(path.policy));
  append_varint(value, traits.name.size());
  value.insert(value.end(), traits.name.begin(), traits.name.end());
  append_capsule(to, CapsuleType::path, value);
}

Result<std::string> parse_path_lost(Bytes value) {
  Fields fields(value);
  auto name = read_name(fields);
  if (!name) return failure("PATH_LOST: {}", name.error().message);
  return name;
}

void append_path_lost(std::vector<std::uint8_t>& to, std::string_view name) {
  assert(is_path_name(name));
  std::vector<std::uint8_t> value;
  append_varint(value, name.size());
  value.insert(value.end(), name.begin(), name.end());
  append_capsule(to, CapsuleType::path_lost, value);
}

}  // namespace mpquic::masque
