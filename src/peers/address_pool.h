#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "packet/address.h"
#include "peers/address_ranges.h"
#include "peers/directory.h"

namespace mpquic::peers {

/// Who an address is given to: to one client for each of its tunnels that it has a name for.
struct LeaseKey {
  std::string tunnel;    ///< the server's
  std::string client;    ///< Peer::name
  std::string instance;  ///< the client's own name for its tunnel; empty: it has not told one

  auto operator<=>(const LeaseKey&) const = default;
};

/// What a tunnel of the server has to give.
struct TunnelPool {
  std::vector<packet::InterfaceAddress> own;  ///< the server's addresses there
  std::vector<packet::Prefix> prefixes;       ///< inside the networks of these
};

struct PoolLimits {
  std::size_t leases = 65536;          ///< of a tunnel's pool and IP version
  std::size_t leases_per_client = 64;  ///< in a tunnel; not of clients who have no name ("*")
};

/// Which client has which tunnel address: always the same, as long as there are enough for all. Of the addresses of a
/// tunnel's networks, those that a client owns are for that client alone, those that "*" owns for whoever has no entry,
/// and what nobody owns is for all; of the latter two only what lies in the pool. Nobody gets an address of the network
/// itself, a broadcast address or one of the server's.
///
/// Whose lease has not been used longest loses it when there is nothing left. Pure: knows no clock and no files. Each
/// assignment takes log n steps.
class AddressPool {
 public:
  using Time = std::chrono::sys_seconds;

  explicit AddressPool(const PoolLimits& limits = {}) : limits_(limits) {}

  /// What there is from now on, by the tunnels' names, and who owns what. Leases that do not fit it end: whoever was
  /// using one asks anew.
  void configure(const std::map<std::string, TunnelPool>& tunnels, std::span<const Peer> peers);

  /// The addresses of this client's tunnel, one of each IP version of which the server's tunnel has any for it:
  /// 1. of Peer::addresses, the one that it has, or that it wants, or the first that none of its other tunnels is
  /// using;
  /// 2. one that is `wanted`, if nobody else has it;
  /// 3. the one that it has;
  /// 4. the lowest that is free: of what it owns, or that failing of what is for all;
  /// 5. that which has not been used longest.
  /// So of several tunnels of a client that has one fixed address, the first to come has it for as long as it is in
  /// use, and others are given one of the pool.
  Result<std::vector<packet::Address>> assign(const LeaseKey& key, const Peer& peer,
                                              std::span<const packet::Address> wanted, Time now);
  /// A connection with these addresses stands, or stands no more; there may be several. What is in use is not taken
  /// away.
  void use(const LeaseKey& key, Time now);
  void release(const LeaseKey& key, Time now);

  std::size_t size() const { return leases_.size(); }

  /// One line for each address: tunnel, client, instance, address, and when it was used last (seconds since 1970).
  std::string to_text() const;
  /// Takes in what to_text() has written, after configure(): what does not fit any more is passed over. Returns what is
  /// wrong with the lines that can't be understood.
  std::vector<std::string> from_text(std::string_view text);

 private:
  struct Lease {
    std::array<std::optional<packet::Address>, 2> addresses;  ///< IPv4, IPv6
    Time last_used{};
    unsigned users = 0;
  };
  using Leases = std::map<LeaseKey, Lease>;

  /// Addresses that have one owner, or none.
  struct Share {
    AddressRanges all, free;
    std::size_t taken = 0;
    std::set<std::pair<Time, packet::Address>> idle;  ///< taken and not in use, those of longest ago first
  };
  /// What a tunnel has of one IP version.
  struct Family {
    std::map<std::string, Share> shares;  ///< by the owner's name; "": nobody
    std::unordered_map<packet::Address, LeaseKey> holders;
  };
  using Families = std::array<Family, 2>;

  static Families families_of(const TunnelPool& tunnel, std::span<const Peer> peers);

  std::vector<Share*> shares_of(Family& family, const std::string& client) const;
  Share* share_of(Family& family, const std::string& client, const packet::Address& address) const;
  /// Whether it is the key's own, or can be without taking it from anybody else.
  bool may_have(const LeaseKey& key, Family& family, const packet::Address& address) const;
  std::optional<packet::Address> present(const LeaseKey& key, std::size_t version) const;
  std::optional<packet::Address> choose(const LeaseKey& key, Family& family, std::size_t version,
                                        std::span<const packet::Address> fixed,
                                        std::span<const packet::Address> wanted) const;
  Result<void> make_room(const LeaseKey& key);

  // Each lease's addresses are in the shares of its client, and nobody else holds them.
  void give(Leases::iterator lease, const packet::Address& address);
  void take_away(Leases::iterator lease, std::size_t version);
  void touch(Leases::iterator lease, Time now, unsigned users);
  void forget_if_empty(Leases::iterator lease);
  bool restore(const LeaseKey& key, const packet::Address& address, Time last_used, unsigned users);

  PoolLimits limits_;
  std::map<std::string, Families> tunnels_;
  std::set<std::string, std::less<>> entries_;  ///< names of clients that have an entry of their own
  Leases leases_;
};

}  // namespace mpquic::peers
