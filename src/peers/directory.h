#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "packet/address.h"

namespace mpquic::peers {

/// A client as the server knows it: a name, and what it owns (docs/configuration.md, "clients").
struct Peer {
  std::string name;
  std::vector<packet::Prefix> prefixes;  ///< no other peer's overlap them, unless they are shared
  std::set<std::string> tunnels;         ///< that it may use; empty: all
  bool shares_prefixes = false;          ///< with every other client that has no entry of its own
  /// Tunnel addresses that it is always given; its prefixes hold them.
  std::vector<packet::Address> addresses{};
  std::string token_hash{};  ///< of its bearer token; empty: it has none

  bool owns(const packet::Address& address) const;
  bool may_use(const std::string& tunnel) const { return tunnels.empty() || tunnels.contains(tunnel); }
  bool operator==(const Peer&) const = default;
};

/// What a client must show to be let in at all.
enum class Proof : std::uint8_t { nothing, certificate };

/// Who may connect. Immutable; workers share it.
class Directory {
 public:
  /// The entry for every client that has none of its own, on a server that says so ("*"). A client without a
  /// certificate is called so, too.
  static constexpr const char* anyone = "*";

  Directory(std::vector<Peer> peers, Proof needed);

  /// `name`: what the client's certificate says; nullopt: it showed none. nullptr: not a client of ours.
  std::shared_ptr<const Peer> find(const std::optional<std::string>& name) const;
  /// `hash`: of the token that the client has shown, as the configuration writes hashes. nullptr: nobody's. How long it
  /// takes tells nothing about the hashes that are known.
  std::shared_ptr<const Peer> find_by_token_hash(std::string_view hash) const;

 private:
  std::map<std::string, std::shared_ptr<const Peer>> peers_;
  Proof needed_;
};

}  // namespace mpquic::peers
