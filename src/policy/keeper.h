#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/plan.h"
#include "policy/sysctls.h"
#include "system/devices.h"
#include "system/kernel_slot.h"
#include "system/netlink.h"
#include "system/nftables.h"

namespace mpquic::policy {

enum class Disturbed : std::uint8_t { nothing, devices, others };
/// "routes, rules or nftables"
std::string_view in_words(Disturbed what);

/// Makes the kernel what a plan says and takes it back without a trace. What was there is told from what is ours by the
/// node's KernelSlot; a keeper of the same node finds what an earlier one left. What a sysctl was before mpquic set it
/// stands in the node's nftable, as the name of an empty chain: `restore/net/ipv4/ip_forward/0`. Nodes of one network
/// namespace share sysctls: the last that needs one restores it. Needs CAP_NET_ADMIN.
class Keeper {
 public:
  enum class Intent : std::uint8_t {
    look,    ///< leaves no trace; the numbers may be another node's by the time of an apply()
    change,  ///< the node's numbers are its own from now on: an empty nftable stands for them
  };

  static Result<Keeper> open(const std::string& node, Intent intent);

  const system::KernelSlot& slot() const { return slot_; }
  /// Of destinations, as they stand in the node's nftable.
  const Numbers& numbers() const { return numbers_; }
  /// Why this kernel can make no VLAN devices; nullopt: it can.
  std::optional<std::string> no_vlans();
  /// A sysctl as it was before mpquic.
  std::string original(const std::string& sysctl) const;

  /// All of the plan, or an error and what was before (a VLAN device that has to be made again for that has lost its
  /// routes). Where everything is as it should be, nothing is touched.
  Result<void> apply(const Plan& plan);
  /// What of that which the last apply() made has been taken away or changed. Cheap.
  Result<Disturbed> disturbed();
  Result<void> remove();
  /// A line for each thing that apply() would add (+) or take away (-).
  Result<std::vector<std::string>> difference(const Plan& plan);

 private:
  Keeper(system::KernelSlot slot, system::NetlinkSocket netlink, system::Nftables nftables)
      : slot_(std::move(slot)), netlink_(std::move(netlink)), nftables_(std::move(nftables)) {}

  Result<void> claim();
  system::RoutingScope scope() const { return {slot_.first(), system::KernelSlot::size}; }
  system::DeviceScope device_scope() const { return {slot_.table(), slot_.address_protocol()}; }
  std::string inside_of_table(const Plan& plan, const Sysctls& originals) const;
  Result<void> replace_table(const std::string& inside);
  /// Nothing: there is no table.
  Result<std::optional<std::string>> present_inside();
  Result<std::string> as_listed(const std::string& inside);
  Result<Sysctls> originals_of_others();
  Result<Sysctls> originals_for(const Plan& plan);
  Result<void> restore(const Sysctls& originals);
  Result<void> change(const Plan& plan, const std::string& inside, const std::optional<std::string>& before);
  Result<void> add_device_difference(const system::Devices& wanted, std::vector<std::string>& lines);

  system::KernelSlot slot_;
  system::NetlinkSocket netlink_;
  system::Nftables nftables_;
  Sysctls originals_;  ///< of the sysctls that this node has set
  Numbers numbers_;
  std::optional<Plan> applied_;
  std::string listing_;  ///< of the table, after the last apply()
};

}  // namespace mpquic::policy
