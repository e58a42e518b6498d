#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <unordered_map>

#include "packet/address.h"
#include "peers/session_ref.h"

namespace mpquic::peers {

/// Which session leads to an inner destination of one tunnel: longest prefix match. Host routes, of which there are
/// most, cost one hash look-up. Each worker has a replica of its own.
class RouteTable {
 public:
  /// Both return the session that the very prefix led to before.
  std::optional<SessionRef> set(const packet::Prefix& prefix, SessionRef session);
  std::optional<SessionRef> remove(const packet::Prefix& prefix);
  std::optional<SessionRef> find(const packet::Address& destination) const;
  std::size_t size() const;

 private:
  using Routes = std::unordered_map<packet::Address, SessionRef>;

  struct Family {
    std::array<Routes, 129> by_length;
    std::array<bool, 129> used{};
  };

  Family& family(const packet::Address& address) { return families_[address.is_ipv4() ? 0 : 1]; }
  const Family& family(const packet::Address& address) const { return families_[address.is_ipv4() ? 0 : 1]; }

  std::array<Family, 2> families_;
};

}  // namespace mpquic::peers
