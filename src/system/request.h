#pragma once

#include <linux/netlink.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace mpquic::system {

/// A netlink request being written: a fixed structure, then attributes. It has room for 2 KiB; more is a bug.
///
///   Request("set the MTU of mpq1", RTM_NEWLINK, 0, ifinfomsg{...}).put_u32(IFLA_MTU, 1300)
class Request {
 public:
  /// `purpose` opens the line that reports a failure; `flags` are NLM_F_* beyond those that sending it adds.
  template <class Header>
  Request(std::string purpose, std::uint16_t type, std::uint16_t flags, const Header& header)
      : Request(std::move(purpose), type, flags, &header, sizeof header) {}

  Request& put_u8(std::uint16_t attribute, std::uint8_t value);
  Request& put_u16(std::uint16_t attribute, std::uint16_t value);
  Request& put_u32(std::uint16_t attribute, std::uint32_t value);
  Request& put_text(std::uint16_t attribute, std::string_view text);  ///< with a closing NUL
  Request& put_bytes(std::uint16_t attribute, Bytes bytes);
  /// What `fill(*this)` puts becomes the inside of this attribute.
  template <class Fill>
  Request& nest(std::uint16_t attribute, Fill fill) {
    nlattr* outer = begin_nest(attribute);
    fill(*this);
    end_nest(outer);
    return *this;
  }

  const std::string& purpose() const { return purpose_; }
  void add_flags(std::uint16_t flags) { header()->nlmsg_flags |= flags; }
  void set_sequence(std::uint32_t sequence) { header()->nlmsg_seq = sequence; }
  Bytes bytes() const;

 private:
  Request(std::string purpose, std::uint16_t type, std::uint16_t flags, const void* fixed, std::size_t size);
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(storage_.data()); }
  nlattr* begin_nest(std::uint16_t attribute);
  void end_nest(nlattr* outer);

  std::string purpose_;
  alignas(nlmsghdr) std::array<std::uint8_t, 2048> storage_{};
};

}  // namespace mpquic::system
