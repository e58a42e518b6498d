#include "masque/fields.h"

#include <utility>

#include "masque/varint.h"

namespace mpquic::masque {
namespace {

auto ends_within(std::string_view field) { return failure("the value ends within the {}", field); }

}  // namespace

Result<std::uint64_t> Fields::varint(std::string_view name) {
  const auto read = read_varint(left_);
  if (!read) return ends_within(name);
  left_ = left_.subspan(read->size);
  return read->value;
}

Result<std::uint8_t> Fields::byte() {
  if (left_.empty()) return ends_within("entry");
  const std::uint8_t byte = left_[0];
  left_ = left_.subspan(1);
  return byte;
}

Result<packet::Address::Family> Fields::version() {
  const auto version = byte();
  if (!version) return std::unexpected(version.error());
  if (*version == 4) return packet::Address::Family::ipv4;
  if (*version == 6) return packet::Address::Family::ipv6;
  return failure("{} is no version of IP", *version);
}

Result<packet::Address> Fields::address(packet::Address::Family family) {
  const std::size_t size = family == packet::Address::Family::ipv4 ? 4 : 16;
  if (left_.size() < size) return ends_within("address");
  const auto address = packet::Address::from_bytes(left_.first(size));
  left_ = left_.subspan(size);
  return address;
}

Result<Bytes> Fields::bytes(std::uint64_t count, std::string_view name) {
  if (left_.size() < count) return ends_within(name);
  const Bytes taken = left_.first(static_cast<std::size_t>(count));
  left_ = left_.subspan(taken.size());
  return taken;
}

void append_version(std::vector<std::uint8_t>& to, const packet::Address& address) {
  to.push_back(std::to_underlying(address.family()));
}

void append_address(std::vector<std::uint8_t>& to, const packet::Address& address) {
  const Bytes bytes = address.bytes();
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace mpquic::masque
