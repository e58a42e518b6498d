#include "masque/address_capsules.h"

#include <algorithm>
#include <cassert>
#include <string_view>

#include "masque/capsule.h"
#include "masque/fields.h"
#include "masque/varint.h"

namespace mpquic::masque {
namespace {

Result<AddressEntry> read_entry(Fields& fields) {
  const auto request_id = fields.varint("request id");
  if (!request_id) return std::unexpected(request_id.error());
  const auto version = fields.version();
  if (!version) return std::unexpected(version.error());
  const auto address = fields.address(*version);
  if (!address) return std::unexpected(address.error());
  const auto length = fields.byte();
  if (!length) return std::unexpected(length.error());
  if (*length > address->bits()) return failure("{}/{} is longer than its address", address->to_string(), *length);
  const packet::Prefix prefix(*address, *length);
  if (prefix.address() != *address) return failure("{}/{} has host bits set", address->to_string(), *length);
  return AddressEntry{*request_id, prefix};
}

Result<std::vector<AddressEntry>> read_entries(Bytes value, std::string_view capsule) {
  std::vector<AddressEntry> entries;
  Fields fields(value);
  while (!fields.empty()) {
    const auto entry = read_entry(fields);
    if (!entry) return failure("{}, entry {}: {}", capsule, entries.size() + 1, entry.error().message);
    entries.push_back(*entry);
  }
  return entries;
}

Result<void> check_request(std::span<const AddressEntry> entries) {
  if (entries.empty()) return failure("asks for nothing");
  std::vector<std::uint64_t> ids;
  for (const AddressEntry& entry : entries) ids.push_back(entry.request_id);
  std::ranges::sort(ids);
  if (ids.front() == 0) return failure("request id 0");
  const auto twice = std::ranges::adjacent_find(ids);
  if (twice != ids.end()) return failure("request id {} is there twice", *twice);
  return {};
}

std::vector<std::uint8_t> value_of(std::span<const AddressEntry> entries) {
  std::vector<std::uint8_t> value;
  for (const AddressEntry& entry : entries) {
    append_varint(value, entry.request_id);
    append_version(value, entry.prefix.address());
    append_address(value, entry.prefix.address());
    value.push_back(static_cast<std::uint8_t>(entry.prefix.length()));
  }
  return value;
}

}  // namespace

packet::Prefix no_address(packet::Address::Family family) {
  return packet::Prefix(packet::Prefix::everything(family).address());
}

Result<std::vector<AddressEntry>> parse_address_assign(Bytes value) { return read_entries(value, "ADDRESS_ASSIGN"); }

Result<std::vector<AddressEntry>> parse_address_request(Bytes value) {
  auto entries = read_entries(value, "ADDRESS_REQUEST");
  if (!entries) return entries;
  if (const auto checked = check_request(*entries); !checked) {
    return failure("ADDRESS_REQUEST: {}", checked.error().message);
  }
  return entries;
}

void append_address_assign(std::vector<std::uint8_t>& to, std::span<const AddressEntry> entries) {
  append_capsule(to, CapsuleType::address_assign, value_of(entries));
}

void append_address_request(std::vector<std::uint8_t>& to, std::span<const AddressEntry> entries) {
  assert(check_request(entries));
  append_capsule(to, CapsuleType::address_request, value_of(entries));
}

}  // namespace mpquic::masque
