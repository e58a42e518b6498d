#include "system/request.h"

#include <libmnl/libmnl.h>

#include <cassert>
#include <cstring>

namespace mpquic::system {

Request::Request(std::string purpose, std::uint16_t type, std::uint16_t flags, const void* fixed, std::size_t size)
    : purpose_(std::move(purpose)) {
  nlmsghdr* message = mnl_nlmsg_put_header(storage_.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  std::memcpy(mnl_nlmsg_put_extra_header(message, size), fixed, size);
}

Request& Request::put_u8(std::uint16_t attribute, std::uint8_t value) {
  return put_bytes(attribute, Bytes(&value, sizeof value));
}

Request& Request::put_u16(std::uint16_t attribute, std::uint16_t value) {
  return put_bytes(attribute, Bytes(reinterpret_cast<const std::uint8_t*>(&value), sizeof value));
}

Request& Request::put_u32(std::uint16_t attribute, std::uint32_t value) {
  return put_bytes(attribute, Bytes(reinterpret_cast<const std::uint8_t*>(&value), sizeof value));
}

Request& Request::put_text(std::uint16_t attribute, std::string_view text) {
  const std::string closed(text);
  return put_bytes(attribute, Bytes(reinterpret_cast<const std::uint8_t*>(closed.c_str()), closed.size() + 1));
}

Request& Request::put_bytes(std::uint16_t attribute, Bytes bytes) {
  [[maybe_unused]] const bool fits =
      mnl_attr_put_check(header(), storage_.size(), attribute, bytes.size(), bytes.data());
  assert(fits);
  return *this;
}

nlattr* Request::begin_nest(std::uint16_t attribute) {
  nlattr* outer = mnl_attr_nest_start_check(header(), storage_.size(), attribute);
  assert(outer != nullptr);
  return outer;
}

void Request::end_nest(nlattr* outer) { mnl_attr_nest_end(header(), outer); }

Bytes Request::bytes() const {
  std::uint32_t length = 0;  // nlmsg_len, the first field
  std::memcpy(&length, storage_.data(), sizeof length);
  return Bytes(storage_).first(length);
}

}  // namespace mpquic::system
