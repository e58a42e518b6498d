#pragma once

#include <map>
#include <optional>

#include "packet/address.h"

namespace mpquic::peers {

/// A set of addresses of one IP version, kept as ranges: as small as it is simple, were it a /64. Each step takes log n
/// of the ranges.
class AddressRanges {
 public:
  /// `last` is not before `first`.
  void add(const packet::Address& first, const packet::Address& last);
  void remove(const packet::Address& first, const packet::Address& last);
  void add(const packet::Prefix& prefix) { add(prefix.address(), prefix.last()); }
  void remove(const packet::Prefix& prefix) { remove(prefix.address(), prefix.last()); }

  bool contains(const packet::Address& address) const;
  bool empty() const { return ranges_.empty(); }
  /// The lowest.
  std::optional<packet::Address> first() const;
  /// First and last of each range, none next to another.
  const std::map<packet::Address, packet::Address>& ranges() const { return ranges_; }

 private:
  std::map<packet::Address, packet::Address> ranges_;
};

}  // namespace mpquic::peers
