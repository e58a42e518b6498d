#include "system/devices.h"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "base/bytes.h"
#include "system/rtnetlink.h"
#include "system/sysctl.h"

namespace mpquic::system {
namespace {

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

Result<int> index_of(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  return index != 0 ? Result<int>(static_cast<int>(index)) : failure("there is no interface {}", name);
}

Result<void> make_vlan(NetlinkSocket& socket, const DeviceScope& scope, const VlanDevice& vlan) {
  const auto parent = index_of(vlan.parent);
  if (!parent) return failure("make {}: {}", vlan.to_string(), parent.error().message);
  Request request("make " + vlan.to_string(), RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.put_text(IFLA_IFNAME, vlan.name).put_u32(IFLA_LINK, static_cast<std::uint32_t>(*parent));
  request.nest(IFLA_LINKINFO, [&](Request& info) {
    info.put_text(IFLA_INFO_KIND, "vlan");
    info.nest(IFLA_INFO_DATA, [&](Request& data) { data.put_u16(IFLA_VLAN_ID, vlan.id); });
  });
  if (auto done = socket.apply(std::move(request)); !done) return done;
  // Kernels take no alias at creation.
  const auto device = index_of(vlan.name);
  if (!device) return failure("mark {}: {}", vlan.name, device.error().message);
  ifinfomsg header{};
  header.ifi_index = *device;
  Request mark("mark " + vlan.name, RTM_NEWLINK, 0, header);
  return socket.apply(std::move(mark.put_text(IFLA_IFALIAS, scope.alias)));
}

Result<void> remove_vlan(NetlinkSocket& socket, const VlanDevice& vlan) {
  const auto device = index_of(vlan.name);
  if (!device) return {};
  ifinfomsg header{};
  header.ifi_index = *device;
  return socket.apply(Request("remove " + vlan.to_string(), RTM_DELLINK, 0, header), ENODEV);
}

Result<void> set_up(NetlinkSocket& socket, const std::string& name) {
  const auto device = index_of(name);
  if (!device) return failure("set {} up: {}", name, device.error().message);
  ifinfomsg header{};
  header.ifi_index = *device;
  header.ifi_flags = header.ifi_change = IFF_UP;
  return socket.apply(Request(fmt::format("set {} up", name), RTM_NEWLINK, 0, header));
}

Request address_request(std::string purpose, std::uint16_t type, std::uint16_t flags, int device,
                        const packet::InterfaceAddress& address) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address.address.is_ipv4() ? AF_INET : AF_INET6);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = static_cast<unsigned>(device);
  Request request(std::move(purpose), type, flags, header);
  request.put_bytes(IFA_LOCAL, address.address.bytes()).put_bytes(IFA_ADDRESS, address.address.bytes());
  return request;
}

// With all host bits set (RFC 919); a network of two hosts has none (RFC 3021).
std::optional<packet::Address> broadcast_of(const packet::InterfaceAddress& own) {
  if (!own.address.is_ipv4() || own.length > 30) return std::nullopt;
  std::array<std::uint8_t, 4> bytes;
  store_be32(bytes.data(), load_be32(own.address.bytes().data()) | 0xffffffffU >> own.length);
  return packet::Address::from_bytes(bytes);
}

Result<void> add_address(NetlinkSocket& socket, const DeviceScope& scope, const DeviceAddress& one) {
  const std::string purpose = fmt::format("add {}", one.to_string());
  const auto device = index_of(one.interface);
  if (!device) return failure("{}: {}", purpose, device.error().message);
  Request request = address_request(purpose, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, *device, one.address);
  // As systemd-networkd sets it: one that takes our address over and finds none tries again for ever.
  if (const auto broadcast = broadcast_of(one.address)) request.put_bytes(IFA_BROADCAST, broadcast->bytes());
  return socket.apply(std::move(request.put_u8(IFA_PROTO, scope.protocol)));
}

// With the first IPv4 address of a network go the others of that network, be they ours or not, unless the kernel is
// told to promote them.
Result<void> remove_address(NetlinkSocket& socket, const DeviceAddress& one) {
  const auto device = index_of(one.interface);
  if (!device) return {};
  const std::string promote = "net/ipv4/conf/" + one.interface + "/promote_secondaries";
  const bool told = !one.address.address.is_ipv4() || read_sysctl(promote) != "0";
  if (!told) {
    if (auto done = write_sysctl(promote, "1"); !done) return done;
  }
  const std::string purpose = fmt::format("remove {}", one.to_string());
  auto done = socket.apply(address_request(purpose, RTM_DELADDR, 0, *device, one.address), EADDRNOTAVAIL);
  if (auto back = told ? Result<void>() : write_sysctl(promote, "0"); done && !back) return back;
  return done;
}

// The old ones first: neither a VLAN of one parent nor an IPv6 address of one interface is there twice.
Result<void> carry_out(NetlinkSocket& socket, const DeviceScope& scope, const DeviceChanges& changes) {
  for (const DeviceAddress& address : changes.remove.addresses) {
    if (auto done = remove_address(socket, address); !done) return done;
  }
  for (const VlanDevice& vlan : changes.remove.vlans) {
    if (auto done = remove_vlan(socket, vlan); !done) return done;
  }
  for (const VlanDevice& vlan : changes.add.vlans) {
    if (auto done = make_vlan(socket, scope, vlan); !done) return done;
  }
  for (const std::string& name : changes.set_up) {
    if (auto done = set_up(socket, name); !done) return done;
  }
  for (const DeviceAddress& address : changes.add.addresses) {
    if (auto done = add_address(socket, scope, address); !done) return done;
  }
  return {};
}

struct MarkedAddress {
  AddressMessage address;
  std::optional<std::uint8_t> protocol;
};

std::optional<MarkedAddress> parse_marked_address(const Message& message) {
  const auto address = parse_address(message);
  if (!address) return std::nullopt;
  return MarkedAddress{*address, Attributes::of(message, sizeof(ifaddrmsg)).u8(IFA_PROTO)};
}

struct AliasedLink {
  LinkMessage link;
  std::string alias;
};

std::optional<AliasedLink> parse_aliased_link(const Message& message) {
  auto link = parse_link(message);
  if (!link) return std::nullopt;
  const auto alias = Attributes::of(message, sizeof(ifinfomsg)).text(IFLA_IFALIAS);
  return AliasedLink{*std::move(link), std::string(alias.value_or(""))};
}

// An IPv6 address is on an interface once, whatever the length of its network; an IPv4 address once for each.
bool serves(const DevicesPresent::Address& present, const DeviceAddress& wanted) {
  const packet::InterfaceAddress& address = wanted.address;
  const bool same_address =
      present.what.interface == wanted.interface && present.what.address.address == address.address;
  return present.what == wanted || (same_address && !present.ours && !address.address.is_ipv4());
}

}  // namespace

std::string VlanDevice::to_string() const { return fmt::format("VLAN device {} (VLAN {} on {})", name, id, parent); }

std::string DeviceAddress::to_string() const { return fmt::format("address {} on {}", address.to_string(), interface); }

Devices DevicesPresent::ours() const {
  Devices found{vlans, {}};
  for (const Address& address : addresses) {
    if (address.ours) found.addresses.push_back(address.what);
  }
  return found;
}

DeviceChanges difference(const Devices& wanted, const DevicesPresent& present) {
  DeviceChanges changes;
  for (const VlanDevice& vlan : present.vlans) {
    if (!contains(wanted.vlans, vlan)) changes.remove.vlans.push_back(vlan);
  }
  const auto removed = [&](const std::string& name) {
    return std::ranges::find(changes.remove.vlans, name, &VlanDevice::name) != changes.remove.vlans.end();
  };
  const auto find = [&](const std::string& name) {
    return std::ranges::find(present.interfaces, name, &DevicesPresent::Interface::name);
  };
  const auto set_up = [&](const std::string& name) {
    const auto known = find(name);
    const bool is_up = known != present.interfaces.end() && known->up && !removed(name);
    if (!is_up && !contains(changes.set_up, name)) changes.set_up.push_back(name);
  };
  for (const VlanDevice& vlan : wanted.vlans) {
    const bool ours = contains(present.vlans, vlan);
    const bool theirs = !ours && !removed(vlan.name) && find(vlan.name) != present.interfaces.end();
    if (theirs) continue;
    if (!ours) changes.add.vlans.push_back(vlan);
    set_up(vlan.parent);
    set_up(vlan.name);
  }
  for (const DeviceAddress& address : wanted.addresses) {
    const bool there = std::ranges::any_of(present.addresses, [&](const auto& one) { return serves(one, address); });
    if (!there || removed(address.interface)) changes.add.addresses.push_back(address);
    set_up(address.interface);
  }
  for (const auto& [address, ours] : present.addresses) {
    // With a device that is removed they go by themselves.
    const bool stays = !ours || removed(address.interface) || contains(wanted.addresses, address);
    if (!stays) changes.remove.addresses.push_back(address);
  }
  return changes;
}

Result<DevicesPresent> read_devices(NetlinkSocket& socket, const DeviceScope& scope) {
  const auto links = socket.dump(all_links_request(), parse_aliased_link);
  if (!links) return std::unexpected(links.error());
  const auto addresses = socket.dump(all_addresses_request(), parse_marked_address);
  if (!addresses) return std::unexpected(addresses.error());
  std::map<unsigned, std::string> names;
  for (const auto& [link, alias] : *links) names[link.ifindex] = link.name.value_or("");
  DevicesPresent present;
  for (const auto& [link, alias] : *links) {
    const std::string& name = names[link.ifindex];
    present.interfaces.push_back({name, (link.flags & IFF_UP) != 0});
    if (!link.vlan || alias != scope.alias) continue;
    const auto parent = names.find(link.lower.value_or(0));
    present.vlans.push_back(
        {name, parent != names.end() ? parent->second : std::string(), static_cast<std::uint16_t>(*link.vlan)});
  }
  for (const auto& [address, protocol] : *addresses) {
    if (address.peer) continue;
    present.addresses.push_back({{names[address.ifindex], address.address}, protocol == scope.protocol});
  }
  return present;
}

Result<void> apply_devices(NetlinkSocket& socket, const DeviceScope& scope, const Devices& wanted) {
  const auto before = read_devices(socket, scope);
  if (!before) return std::unexpected(before.error());
  const DeviceChanges changes = difference(wanted, *before);
  if (changes.empty()) return {};
  auto done = carry_out(socket, scope, changes);
  if (done) return done;
  if (const auto half = read_devices(socket, scope)) {
    const DeviceChanges back = difference(before->ours(), *half);
    if (const auto undone = carry_out(socket, scope, back); !undone) {
      return failure("{}; and what had been changed could not be taken back: {}", done.error().message,
                     undone.error().message);
    }
  }
  return done;
}

// Asked by a request that lacks what it needs: EINVAL where VLANs are known, and their module has been loaded.
Result<void> check_vlan_support(NetlinkSocket& socket) {
  Request request("802.1Q", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.nest(IFLA_LINKINFO, [](Request& info) { info.put_text(IFLA_INFO_KIND, "vlan"); });
  return socket.apply(std::move(request), EINVAL);
}

}  // namespace mpquic::system
