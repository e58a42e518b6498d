#include "system/message.h"

#include <linux/netlink.h>

#include <algorithm>

namespace mpquic::system {
namespace {

// Messages and attributes are padded to four bytes; the last one's padding may be missing.
Bytes after(Bytes bytes, std::size_t length) {
  return bytes.subspan(std::min(bytes.size(), (length + 3) & ~std::size_t{3}));
}

template <class Value>
std::optional<Value> value_of(std::optional<Bytes> bytes) {
  Value value;
  if (!bytes || bytes->size() != sizeof value) return std::nullopt;
  std::memcpy(&value, bytes->data(), sizeof value);
  return value;
}

}  // namespace

std::optional<Message> next_message(Bytes& received) {
  nlmsghdr header;
  if (received.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, received.data(), sizeof header);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > received.size()) return std::nullopt;
  const Bytes payload = received.subspan(sizeof header, header.nlmsg_len - sizeof header);
  received = after(received, header.nlmsg_len);
  return Message{header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq, header.nlmsg_pid, payload};
}

Attributes Attributes::of(const Message& message, std::size_t header_size) {
  return Attributes(after(message.payload, header_size));
}

std::optional<Bytes> Attributes::bytes(std::uint16_t type) const {
  nlattr header;
  for (Bytes left = bytes_; left.size() >= sizeof header; left = after(left, header.nla_len)) {
    std::memcpy(&header, left.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > left.size()) return std::nullopt;
    if ((header.nla_type & NLA_TYPE_MASK) == type) return left.subspan(sizeof header, header.nla_len - sizeof header);
  }
  return std::nullopt;
}

std::optional<std::uint8_t> Attributes::u8(std::uint16_t type) const { return value_of<std::uint8_t>(bytes(type)); }
std::optional<std::uint16_t> Attributes::u16(std::uint16_t type) const { return value_of<std::uint16_t>(bytes(type)); }
std::optional<std::uint32_t> Attributes::u32(std::uint16_t type) const { return value_of<std::uint32_t>(bytes(type)); }

std::optional<std::string_view> Attributes::text(std::uint16_t type) const {
  const auto value = bytes(type);
  if (!value) return std::nullopt;
  const auto end = std::find(value->begin(), value->end(), 0);
  return std::string_view(reinterpret_cast<const char*>(value->data()), static_cast<std::size_t>(end - value->begin()));
}

Attributes Attributes::nested(std::uint16_t type) const { return Attributes(bytes(type).value_or(Bytes())); }

}  // namespace mpquic::system
