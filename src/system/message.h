#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace mpquic::system {

/// One netlink message as received: a view, valid as long as the bytes it was read from.
struct Message {
  std::uint16_t type = 0;   ///< RTM_* or NLMSG_*
  std::uint16_t flags = 0;  ///< NLM_F_*
  std::uint32_t sequence = 0;
  std::uint32_t port = 0;  ///< netlink port that it answers, 0 for events
  Bytes payload;

  /// The fixed structure that messages of this type begin with; nullopt when the payload is shorter.
  template <class Header>
  std::optional<Header> header() const {
    Header header;
    if (payload.size() < sizeof header) return std::nullopt;
    std::memcpy(&header, payload.data(), sizeof header);
    return header;
  }
};

/// Takes the first message off what one receive gave; nullopt at the end, or at bytes that are no message.
std::optional<Message> next_message(Bytes& received);

/// The attributes (type, length, value) that follow a fixed structure or sit inside another attribute. Whatever the
/// bytes are, nothing outside them is read; a missing attribute and one of the wrong size are the same: nullopt.
class Attributes {
 public:
  Attributes() = default;
  explicit Attributes(Bytes bytes) : bytes_(bytes) {}
  /// Those after the fixed structure of `header_size` bytes.
  static Attributes of(const Message& message, std::size_t header_size);

  std::optional<Bytes> bytes(std::uint16_t type) const;
  std::optional<std::uint8_t> u8(std::uint16_t type) const;
  std::optional<std::uint16_t> u16(std::uint16_t type) const;
  std::optional<std::uint32_t> u32(std::uint16_t type) const;
  std::optional<std::string_view> text(std::uint16_t type) const;
  Attributes nested(std::uint16_t type) const;  ///< empty when there is none

 private:
  Bytes bytes_;
};

}  // namespace mpquic::system
