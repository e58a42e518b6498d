#include "peers/address_pool.h"

#include <algorithm>
#include <utility>

namespace mpquic::peers {
namespace {

using packet::Address;
using packet::Prefix;

constexpr std::array<std::string_view, 2> version_names = {"IPv4", "IPv6"};

std::size_t version_of(const Address& address) { return address.is_ipv4() ? 0 : 1; }

/// Of two prefixes one holds the other, or they have nothing in common.
std::optional<Prefix> common(const Prefix& one, const Prefix& other) {
  if (one.contains(other)) return other;
  return other.contains(one) ? std::optional(one) : std::nullopt;
}

}  // namespace

AddressPool::Families AddressPool::families_of(const TunnelPool& tunnel, std::span<const Peer> peers) {
  Families families;
  for (Family& family : families) family.shares[""];
  for (const Prefix& prefix : tunnel.prefixes) families[version_of(prefix.address())].shares[""].all.add(prefix);
  for (const Peer& peer : peers) {
    const bool anybody = peer.name == Directory::anyone;
    for (const Prefix& owned : peer.prefixes) {
      Family& family = families[version_of(owned.address())];
      family.shares[""].all.remove(owned);
      const auto add = [&](const Prefix& within) {
        if (const auto here = common(owned, within)) family.shares[peer.name].all.add(*here);
      };
      if (anybody) {
        for (const Prefix& prefix : tunnel.prefixes) add(prefix);
      } else {
        for (const packet::InterfaceAddress& own : tunnel.own) add(own.network());
      }
    }
  }
  for (const packet::InterfaceAddress& own : tunnel.own) {
    const Prefix network = own.network();
    for (auto& [owner, share] : families[version_of(own.address)].shares) {
      for (const Address& end : {network.address(), network.last()}) {
        if (network.reserves(end)) share.all.remove(Prefix(end));
      }
      share.all.remove(Prefix(own.address));
      share.free = share.all;
    }
  }
  return families;
}

void AddressPool::configure(const std::map<std::string, TunnelPool>& tunnels, std::span<const Peer> peers) {
  const Leases before = std::exchange(leases_, {});
  entries_.clear();
  for (const Peer& peer : peers) {
    if (peer.name != Directory::anyone) entries_.insert(peer.name);
  }
  tunnels_.clear();
  for (const auto& [name, tunnel] : tunnels) tunnels_.emplace(name, families_of(tunnel, peers));
  for (const auto& [key, lease] : before) {
    for (const auto& address : lease.addresses) {
      if (address) restore(key, *address, lease.last_used, lease.users);
    }
    if (lease.users != 0 && tunnels_.contains(key.tunnel))
      leases_.try_emplace(key, Lease{{}, lease.last_used, lease.users});
  }
}

std::vector<AddressPool::Share*> AddressPool::shares_of(Family& family, const std::string& client) const {
  std::vector<Share*> shares;
  const auto own = family.shares.find(entries_.contains(client) ? client : Directory::anyone);
  if (own != family.shares.end()) shares.push_back(&own->second);
  shares.push_back(&family.shares.at(""));
  return shares;
}

AddressPool::Share* AddressPool::share_of(Family& family, const std::string& client, const Address& address) const {
  for (Share* share : shares_of(family, client)) {
    if (share->all.contains(address)) return share;
  }
  return nullptr;
}

bool AddressPool::may_have(const LeaseKey& key, Family& family, const Address& address) const {
  const Share* share = share_of(family, key.client, address);
  if (share == nullptr) return false;
  const auto holder = family.holders.find(address);
  if (holder == family.holders.end()) return share->taken < limits_.leases;
  if (holder->second == key) return true;
  return key.client != Directory::anyone && holder->second.client == key.client &&
         leases_.at(holder->second).users == 0;
}

std::optional<Address> AddressPool::present(const LeaseKey& key, std::size_t version) const {
  const auto lease = leases_.find(key);
  return lease == leases_.end() ? std::nullopt : lease->second.addresses[version];
}

std::optional<Address> AddressPool::choose(const LeaseKey& key, Family& family, std::size_t version,
                                           std::span<const Address> fixed, std::span<const Address> wanted) const {
  const auto is_good = [&](const Address& one) { return version_of(one) == version && may_have(key, family, one); };
  const auto own = present(key, version);
  if (own && std::ranges::find(fixed, *own) != fixed.end()) return own;
  for (const Address& one : wanted) {
    if (std::ranges::find(fixed, one) != fixed.end() && is_good(one)) return one;
  }
  for (const auto& candidates : {fixed, wanted}) {
    const auto good = std::ranges::find_if(candidates, is_good);
    if (good != candidates.end()) return *good;
  }
  if (own) return own;
  const auto shares = shares_of(family, key.client);
  for (const Share* share : shares) {
    if (share->taken < limits_.leases && !share->free.empty()) return share->free.first();
  }
  for (const Share* share : shares) {
    if (!share->idle.empty()) return share->idle.begin()->second;
  }
  return std::nullopt;
}

Result<std::vector<Address>> AddressPool::assign(const LeaseKey& key, const Peer& peer, std::span<const Address> wanted,
                                                 Time now) {
  const auto tunnel = tunnels_.find(key.tunnel);
  if (tunnel == tunnels_.end()) return failure("there is no tunnel {}", key.tunnel);
  std::vector<Address> chosen;
  for (std::size_t version = 0; version < version_names.size(); ++version) {
    Family& family = tunnel->second[version];
    const auto shares = shares_of(family, key.client);
    if (std::ranges::all_of(shares, [](const Share* share) { return share->all.empty(); })) continue;
    const auto address = choose(key, family, version, peer.addresses, wanted);
    if (!address) {
      return failure("tunnel {} has no {} address left for {}: {} are in use", key.tunnel, version_names[version],
                     key.client, family.holders.size());
    }
    chosen.push_back(*address);
  }
  if (chosen.empty()) return failure("tunnel {} has no addresses for {}", key.tunnel, key.client);
  if (auto room = make_room(key); !room) return std::unexpected(room.error());
  const auto lease = leases_.try_emplace(key).first;
  touch(lease, now, lease->second.users);
  for (const Address& address : chosen) give(lease, address);
  return chosen;
}

// A client that makes up ever more names for its tunnel takes nothing from others.
Result<void> AddressPool::make_room(const LeaseKey& key) {
  if (key.client == Directory::anyone || leases_.contains(key)) return {};
  std::size_t count = 0;
  auto oldest = leases_.end();
  for (auto one = leases_.lower_bound({key.tunnel, key.client, {}}); one != leases_.end(); ++one, ++count) {
    if (one->first.tunnel != key.tunnel || one->first.client != key.client) break;
    if (one->second.users != 0) continue;
    if (oldest == leases_.end() || one->second.last_used < oldest->second.last_used) oldest = one;
  }
  if (count < limits_.leases_per_client) return {};
  if (oldest == leases_.end()) return failure("{} has {} addresses of tunnel {} in use", key.client, count, key.tunnel);
  for (std::size_t version = 0; version < version_names.size(); ++version) take_away(oldest, version);
  leases_.erase(oldest);
  return {};
}

void AddressPool::give(Leases::iterator lease, const Address& address) {
  const std::size_t version = version_of(address);
  if (lease->second.addresses[version] == address) return;
  take_away(lease, version);
  Family& family = tunnels_.at(lease->first.tunnel)[version];
  if (const auto holder = family.holders.find(address); holder != family.holders.end()) {
    const auto loser = leases_.find(holder->second);
    take_away(loser, version);
    forget_if_empty(loser);
  }
  Share& share = *share_of(family, lease->first.client, address);
  share.free.remove(Prefix(address));
  ++share.taken;
  if (lease->second.users == 0) share.idle.emplace(lease->second.last_used, address);
  family.holders.emplace(address, lease->first);
  lease->second.addresses[version] = address;
}

void AddressPool::take_away(Leases::iterator lease, std::size_t version) {
  const auto address = std::exchange(lease->second.addresses[version], std::nullopt);
  if (!address) return;
  Family& family = tunnels_.at(lease->first.tunnel)[version];
  Share& share = *share_of(family, lease->first.client, *address);
  share.free.add(Prefix(*address));
  --share.taken;
  share.idle.erase({lease->second.last_used, *address});
  family.holders.erase(*address);
}

void AddressPool::touch(Leases::iterator lease, Time now, unsigned users) {
  for (const auto& address : lease->second.addresses) {
    if (!address) continue;
    Share& share = *share_of(tunnels_.at(lease->first.tunnel)[version_of(*address)], lease->first.client, *address);
    share.idle.erase({lease->second.last_used, *address});
    if (users == 0) share.idle.emplace(now, *address);
  }
  lease->second.last_used = now;
  lease->second.users = users;
}

void AddressPool::forget_if_empty(Leases::iterator lease) {
  const auto& addresses = lease->second.addresses;
  if (lease->second.users == 0 && !addresses[0] && !addresses[1]) leases_.erase(lease);
}

void AddressPool::use(const LeaseKey& key, Time now) {
  if (const auto lease = leases_.find(key); lease != leases_.end()) touch(lease, now, lease->second.users + 1);
}

void AddressPool::release(const LeaseKey& key, Time now) {
  const auto lease = leases_.find(key);
  if (lease == leases_.end() || lease->second.users == 0) return;
  touch(lease, now, lease->second.users - 1);
  forget_if_empty(lease);
}

bool AddressPool::restore(const LeaseKey& key, const Address& address, Time last_used, unsigned users) {
  const auto tunnel = tunnels_.find(key.tunnel);
  if (tunnel == tunnels_.end()) return false;
  Family& family = tunnel->second[version_of(address)];
  const Share* share = share_of(family, key.client, address);
  if (share == nullptr || share->taken >= limits_.leases || family.holders.contains(address)) return false;
  const auto lease = leases_.try_emplace(key, Lease{{}, last_used, users}).first;
  if (lease->second.addresses[version_of(address)]) return false;
  give(lease, address);
  return true;
}

}  // namespace mpquic::peers
