#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "packet/address.h"

namespace mpquic::masque {

/// Reads the value of a capsule of RFC 9484 (4.7), field by field. The errors say what is wrong with the field.
class Fields {
 public:
  explicit Fields(Bytes value) : left_(value) {}

  bool empty() const { return left_.empty(); }
  /// `name`: of the field, for the error.
  Result<std::uint64_t> varint(std::string_view name);
  Result<std::uint8_t> byte();
  /// 4 or 6.
  Result<packet::Address::Family> version();
  Result<packet::Address> address(packet::Address::Family family);
  Result<Bytes> bytes(std::uint64_t count, std::string_view name);

 private:
  Bytes left_;
};

void append_version(std::vector<std::uint8_t>& to, const packet::Address& address);
void append_address(std::vector<std::uint8_t>& to, const packet::Address& address);

}  // namespace mpquic::masque
