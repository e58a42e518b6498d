#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "packet/address.h"

namespace mpquic::peers {

/// A client as the server knows it: a name, and what it owns (docs/configuration.md, "clients").
struct Peer {
  std::string name;
  std::vector<packet::Prefix> prefixes;  ///< no other peer's overlap them
  std::set<std::string> tunnels;         ///< that it may use; empty: all

  bool owns(const packet::Address& address) const;
  bool may_use(const std::string& tunnel) const { return tunnels.empty() || tunnels.contains(tunnel); }
  bool operator==(const Peer&) const = default;
};

/// Who may connect. Immutable; workers share it.
class Directory {
 public:
  /// Stands for every client that shows no certificate, on a server that says so ("*").
  static constexpr const char* anyone = "*";

  explicit Directory(std::vector<Peer> peers);

  /// `name`: what the client's certificate says; nullopt: it showed none. nullptr: not a client of ours.
  std::shared_ptr<const Peer> find(const std::optional<std::string>& name) const;

 private:
  std::map<std::string, std::shared_ptr<const Peer>> peers_;
};

}  // namespace mpquic::peers
