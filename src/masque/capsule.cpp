#include "masque/capsule.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "masque/varint.h"

namespace mpquic::masque {
namespace {

struct CapsuleHeader {
  std::uint64_t type = 0;
  std::uint64_t value_size = 0;
  std::size_t size = 0;  ///< of the header itself
};

std::optional<CapsuleHeader> read_header(Bytes bytes) {
  const auto type = read_varint(bytes);
  if (!type) return std::nullopt;
  const auto value_size = read_varint(bytes.subspan(type->size));
  if (!value_size) return std::nullopt;
  return CapsuleHeader{type->value, value_size->value, type->size + value_size->size};
}

/// nullopt: an unknown type. `of_addresses`: of capsules that say how addresses are.
std::optional<std::size_t> value_size_max(std::uint64_t type, std::size_t of_addresses) {
  switch (static_cast<CapsuleType>(type)) {
    case CapsuleType::datagram: return datagram_value_size_max;
    case CapsuleType::address_assign:
    case CapsuleType::address_request:
    case CapsuleType::route_advertisement: return of_addresses;
    case CapsuleType::dns_servers: return dns_value_size_max;
    case CapsuleType::path:
    case CapsuleType::path_lost: return path_value_size_max;
  }
  return std::nullopt;
}

/// How many bytes it takes at least before more can be said of the capsule that `beginning` begins.
std::uint64_t missing(Bytes beginning) {
  const auto header = read_header(beginning);
  return header ? header->size + header->value_size - beginning.size() : 1;
}

}  // namespace

Result<void> CapsuleReader::read(Bytes bytes, CapsuleSink& sink) {
  while (!bytes.empty()) {
    if (to_skip_ > 0) {
      const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, bytes.size()));
      to_skip_ -= skipped;
      bytes = bytes.subspan(skipped);
    } else if (beginning_.empty()) {
      const auto taken = take_front(bytes, sink);
      if (!taken) return std::unexpected(taken.error());
      if (*taken == 0) {
        beginning_.assign(bytes.begin(), bytes.end());
        return {};
      }
      bytes = bytes.subspan(*taken);
    } else {
      const auto added = static_cast<std::size_t>(std::min<std::uint64_t>(missing(beginning_), bytes.size()));
      beginning_.insert(beginning_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(added));
      bytes = bytes.subspan(added);
      const auto taken = take_front(beginning_, sink);
      if (!taken) return std::unexpected(taken.error());
      if (*taken > 0) beginning_.clear();
    }
  }
  return {};
}

/// Hands over the capsule that `bytes` begin with, or sees to it that the rest of it is skipped. Returns how many bytes
/// that took; 0 when there must be more of them.
Result<std::size_t> CapsuleReader::take_front(Bytes bytes, CapsuleSink& sink) {
  const auto header = read_header(bytes);
  if (!header) return 0;
  const auto size_max = value_size_max(header->type, value_size_max_);
  if (!size_max || header->value_size > *size_max) {
    const bool is_datagram = header->type == std::to_underlying(CapsuleType::datagram);
    if (size_max && !is_datagram) {
      return failure("capsule of type {} with a value of {} bytes: more than {} are not taken", header->type,
                     header->value_size, *size_max);
    }
    if (is_datagram) ++oversized_datagrams_;
    to_skip_ = header->value_size;
    return header->size;
  }
  const auto value_size = static_cast<std::size_t>(header->value_size);
  if (bytes.size() - header->size < value_size) return 0;
  const auto taken = sink.on_capsule(static_cast<CapsuleType>(header->type), bytes.subspan(header->size, value_size));
  if (!taken) return std::unexpected(taken.error());
  return header->size + value_size;
}

Result<void> CapsuleReader::finish() const {
  if (beginning_.empty() && to_skip_ == 0) return {};
  return failure("the stream ended within a capsule (RFC 9297, 3.3)");
}

void append_capsule(std::vector<std::uint8_t>& to, CapsuleType type, Bytes value) {
  append_varint(to, std::to_underlying(type));
  append_varint(to, value.size());
  to.insert(to.end(), value.begin(), value.end());
}

}  // namespace mpquic::masque
