#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "system/nftables.h"
#include "system/routing.h"

namespace mpquic::system {

/// A node's share of the numbers that kernel state is told apart by. Several nodes may run in one network namespace,
/// and one that was killed finds its own again: the number is in the name of the node's nftable, `mpquic.NUMBER.NODE`,
/// which lives and dies with the routes and rules it stands for.
///
/// Tables and rule priorities are first() to first() + size - 1, marks are `mark(0)` to `mark(size - 1)` under
/// mark_mask. The name of the nftable is also the alias of its VLAN devices.
class KernelSlot {
 public:
  static constexpr std::uint32_t size = 64;
  static constexpr std::uint32_t slots = 63;
  static constexpr std::uint32_t mark_mask = 0xfff00000;

  KernelSlot(std::uint32_t number, std::string_view node);
  /// What the name of an nftable says; nullopt: not one of mpquic's.
  static std::optional<KernelSlot> parse(std::string_view table);
  /// The slot that `node` has among these tables, else the first that nobody has; nullopt: all are taken.
  static std::optional<KernelSlot> choose(std::string_view node, const std::vector<std::string>& tables);

  std::uint32_t number() const { return number_; }
  const std::string& table() const { return table_; }
  bool is_of(std::string_view node) const;
  /// IFA_PROTO of the node's addresses.
  std::uint8_t address_protocol() const { return static_cast<std::uint8_t>(our_protocol + number_); }
  std::uint32_t first() const { return 10'000 + number_ * size; }
  /// Of the one numbered `index`, less than size; never 0.
  std::uint32_t mark(std::uint32_t index) const { return (1 + number_ * size + index) << 20; }

 private:
  std::uint32_t number_;
  std::string node_;  ///< as an identifier of nftables
  std::string table_;
};

/// Held while slots are given and shared sysctls change hands: one process of a network namespace at a time. Of those
/// that may change anything there: a lock that another user's process pretends to hold is none.
class KernelLock {
 public:
  /// Waits up to two seconds.
  static Result<KernelLock> take();

 private:
  explicit KernelLock(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace mpquic::system
