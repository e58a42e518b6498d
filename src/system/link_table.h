#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.h"
#include "system/rtnetlink.h"

namespace mpquic::system {

/// What a path needs to know of the interface that it goes out of. Absent: everything is as initialised here.
struct LinkState {
  unsigned ifindex = 0;
  bool present = false;  ///< there is an interface of this name
  bool up = false;       ///< an administrator wants it up
  bool carrier = false;  ///< it can carry packets: cable, association or peer is there
  unsigned mtu = 0;      ///< bytes
  /// Global scope and usable at once: the best to send from first, IPv4 before IPv6, deprecated ones last of a family.
  std::vector<packet::Address> addresses;
  /// Those that its addresses lie in, each once: what it reaches without a gateway.
  std::vector<packet::Prefix> networks;
  /// Next hop of the default route of lowest metric out of this interface, in whichever routing table but ours.
  std::optional<packet::Address> gateway4;
  std::optional<packet::Address> gateway6;

  bool operator==(const LinkState&) const = default;
};

/// All links of a network namespace with their addresses, as the kernel's messages tell. No sockets in here.
class LinkTable {
 public:
  /// What a dump found: all there is.
  void set_links(const std::vector<LinkMessage>& links);
  void set_addresses(const std::vector<AddressMessage>& addresses);
  void set_default_routes(std::vector<RouteMessage> routes);
  /// What happened since. Messages about something else change nothing.
  void apply(const Message& event);
  /// The kernel does not announce which IPv4 routes an address or interface took along. So routes are not followed
  /// event by event: true means that they may be others now and must be asked for again.
  bool routes_stale() const { return routes_stale_; }
  /// The state of the link that has this name now.
  LinkState state(std::string_view name) const;
  /// The interface that has this address as one to send from; of several one that carries, then the oldest. Empty:
  /// none. Not the loopback, whose addresses are reached over others.
  std::string interface_with(const packet::Address& address) const;
  /// Whether the main table leads anywhere else than to networks that are right there, over IPv4.
  bool has_default_route() const;
  /// Interfaces that carry this VLAN, sorted: 802.1Q devices with that id, and others named PARENT.ID, as those are
  /// that something else makes. `parent`: of that one alone; empty: of any.
  std::vector<std::string> vlan_interfaces(unsigned vlan, std::string_view parent) const;

 private:
  struct Link {
    std::string name;
    unsigned flags = 0;
    std::uint8_t operstate = 0;
    unsigned mtu = 0;
    unsigned lower = 0;
    std::optional<unsigned> vlan;
  };

  static bool carries(const Link& link);
  void apply_link(const LinkMessage& message, bool gone);
  void apply_address(const AddressMessage& message, bool gone);
  std::vector<packet::Address> usable_addresses(unsigned ifindex) const;
  std::vector<packet::Prefix> networks(unsigned ifindex) const;
  std::optional<packet::Address> gateway(unsigned ifindex, packet::Address::Family family) const;

  std::map<unsigned, Link> links_;                             ///< by ifindex
  std::map<unsigned, std::vector<AddressMessage>> addresses_;  ///< by ifindex, in the kernel's order
  std::vector<RouteMessage> default_routes_;
  bool routes_stale_ = true;
};

}  // namespace mpquic::system
