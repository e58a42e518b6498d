#include "system/interface.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace mpquic::system {
namespace {

constexpr unsigned smallest_ipv6_mtu = 1280;  // RFC 8200, section 5
// The kernel undoes some changes with others: with the first IPv4 address of a network go the others of that network.
constexpr int rounds = 4;

// Present and as good as if we had added it now.
bool serves(const AddressMessage& present, const packet::InterfaceAddress& wanted) {
  const bool lasting = (present.flags & IFA_F_PERMANENT) && !(present.flags & (IFA_F_DADFAILED | IFA_F_DEPRECATED));
  return present.address == wanted && !present.peer && lasting;
}

struct Target {
  unsigned ifindex;
  std::string_view name;
};

Request link_change(std::string purpose, const Target& target, unsigned flags = 0) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(target.ifindex);
  header.ifi_flags = flags;
  header.ifi_change = flags;
  return Request(std::move(purpose), RTM_NEWLINK, 0, header);
}

Request address_change(std::string purpose, std::uint16_t type, std::uint16_t flags, const Target& target,
                       const packet::InterfaceAddress& address, const packet::Address& peer) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address.address.is_ipv4() ? AF_INET : AF_INET6);
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = target.ifindex;
  Request request(std::move(purpose), type, flags, header);
  request.put_bytes(IFA_LOCAL, address.address.bytes()).put_bytes(IFA_ADDRESS, peer.bytes());
  return request;
}

Result<void> change_link(NetlinkSocket& socket, const Target& target, const InterfaceChanges& changes) {
  // Before the MTU: one below 1280 turns IPv6 off, and then this is refused.
  if (changes.stop_ipv6_address_generation) {
    Request request = link_change(fmt::format("keep {} from making up IPv6 addresses", target.name), target);
    request.nest(IFLA_AF_SPEC, [](Request& families) {
      families.nest(AF_INET6, [](Request& inet6) { inet6.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE); });
    });
    if (auto done = socket.apply(std::move(request)); !done) return done;
  }
  if (changes.mtu) {
    Request request = link_change(fmt::format("set the MTU of {} to {}", target.name, *changes.mtu), target);
    if (auto done = socket.apply(request.put_u32(IFLA_MTU, *changes.mtu)); !done) return done;
  }
  if (changes.txqueuelen) {
    Request request =
        link_change(fmt::format("set the queue length of {} to {}", target.name, *changes.txqueuelen), target);
    if (auto done = socket.apply(request.put_u32(IFLA_TXQLEN, *changes.txqueuelen)); !done) return done;
  }
  return {};
}

Result<void> change_addresses(NetlinkSocket& socket, const Target& target, const InterfaceChanges& changes) {
  // With the last address of an IP version the kernel takes all of its routes away, so new ones come first.
  for (const packet::InterfaceAddress& address : changes.add) {
    auto request = address_change(fmt::format("add address {} to {}", address.to_string(), target.name), RTM_NEWADDR,
                                  NLM_F_CREATE | NLM_F_REPLACE, target, address, address.address);
    // Nobody else is on a TUN who could have the address: usable at once, without duplicate address detection.
    request.put_u32(IFA_FLAGS, IFA_F_NODAD);
    if (auto done = socket.apply(std::move(request)); !done) return done;
  }
  for (const AddressMessage& old : changes.remove) {
    auto request = address_change(fmt::format("remove address {} from {}", old.address.to_string(), target.name),
                                  RTM_DELADDR, 0, target, old.address, old.peer.value_or(old.address.address));
    if (auto done = socket.apply(std::move(request), EADDRNOTAVAIL); !done) return done;
  }
  return {};
}

Result<void> set_up(NetlinkSocket& socket, const Target& target) {
  return socket.apply(link_change(fmt::format("set {} up", target.name), target, IFF_UP));
}

Result<InterfacePresent> look_at(NetlinkSocket& socket, std::string_view name, Target& target) {
  const auto link = socket.get(link_request(name), parse_link, ENODEV);
  if (!link) return std::unexpected(link.error());
  if (!*link) return failure("there is no interface {}", name);
  auto addresses = socket.dump(all_addresses_request(), parse_address);
  if (!addresses) return std::unexpected(addresses.error());
  target = {(*link)->ifindex, name};
  std::erase_if(*addresses, [&](const AddressMessage& one) { return one.ifindex != target.ifindex; });
  return InterfacePresent{.up = ((*link)->flags & IFF_UP) != 0,
                          .mtu = (*link)->mtu.value_or(0),
                          .txqueuelen = (*link)->txqueuelen.value_or(0),
                          .ipv6_address_generation = (*link)->ipv6_address_generation,
                          .addresses = *std::move(addresses)};
}

}  // namespace

InterfaceChanges difference(const InterfaceSettings& wanted, const InterfacePresent& present) {
  InterfaceChanges changes;
  if (present.mtu != wanted.mtu) changes.mtu = wanted.mtu;
  if (present.txqueuelen != wanted.txqueuelen) changes.txqueuelen = wanted.txqueuelen;
  changes.stop_ipv6_address_generation =
      present.ipv6_address_generation && *present.ipv6_address_generation != IN6_ADDR_GEN_MODE_NONE;
  for (const AddressMessage& one : present.addresses) {
    const bool keep = std::ranges::any_of(wanted.addresses, [&](const auto& address) { return serves(one, address); });
    if (!keep) changes.remove.push_back(one);
  }
  for (const packet::InterfaceAddress& address : wanted.addresses) {
    const bool there = std::ranges::any_of(present.addresses, [&](const auto& one) { return serves(one, address); });
    if (!there) changes.add.push_back(address);
  }
  changes.set_up = !present.up;
  return changes;
}

Result<void> configure_interface(NetlinkSocket& socket, std::string_view name, const InterfaceSettings& settings) {
  const auto ipv6 = std::ranges::find_if(settings.addresses, [](const auto& one) { return !one.address.is_ipv4(); });
  if (ipv6 != settings.addresses.end() && settings.mtu < smallest_ipv6_mtu) {
    return failure("{} can't have the IPv6 address {} with an MTU of {}: IPv6 needs {}", name, ipv6->to_string(),
                   settings.mtu, smallest_ipv6_mtu);
  }
  for (int round = 0; round < rounds; ++round) {
    Target target{};
    const auto present = look_at(socket, name, target);
    if (!present) return std::unexpected(present.error());
    const InterfaceChanges changes = difference(settings, *present);
    if (changes.empty()) return {};
    if (auto done = change_link(socket, target, changes); !done) return done;
    if (auto done = change_addresses(socket, target, changes); !done) return done;
    if (auto done = changes.set_up ? set_up(socket, target) : Result<void>(); !done) return done;
  }
  return failure("interface {} does not stay as configured: something else is changing it", name);
}

}  // namespace mpquic::system
